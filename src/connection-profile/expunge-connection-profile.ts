import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { callerOf } from "../interceptors/caller.ts";
import { profileNotFound } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";

/** Removes a profile for good, with its secrets and its history. */
export function expungeConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.expungeConnectionProfile> {
  return async ({ id, etag }, context) => {
    const revision = await deps.profiles.expunge(callerOf(context), id, etag);
    if (revision === undefined) throw profileNotFound();
    return { revision };
  };
}
