import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { profileNotFound } from "../errors.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

/**
 * Restores a deleted profile with its secrets. Throws PROFILE_NOT_FOUND, PROFILE_NOT_DELETED, ETAG_MISMATCH or
 * PROFILE_NAME_TAKEN.
 */
export function undeleteConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.undeleteConnectionProfile> {
  return async ({ id, etag }, context) => {
    const found = await deps.profiles.undelete(actorOf(context), id, etag);
    if (found === undefined) throw profileNotFound();
    if (!found.was) throw new ApiError(ErrorReason.PROFILE_NOT_DELETED, "the profile is not deleted");
    return { connectionProfile: hideFingerprints(context, found.profile) };
  };
}
