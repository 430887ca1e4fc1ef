import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import { asSeenBy } from "./as-seen-by.ts";
import { profileNotFound } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";

/** Has a deleted profile back, with its secrets. */
export function undeleteConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.undeleteConnectionProfile> {
  return async ({ id, etag }, context) => {
    const found = await deps.profiles.undelete(callerOf(context), id, etag);
    if (found === undefined) throw profileNotFound();
    if (!found.was) throw new Failure(ErrorReason.PROFILE_NOT_DELETED, "the profile is not deleted");
    return { connectionProfile: asSeenBy(context, found.profile) };
  };
}
