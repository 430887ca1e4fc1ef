import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { callerOf } from "../interceptors/caller.ts";
import { asSeenBy } from "./as-seen-by.ts";
import { profileNotFound } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";

/** Deletes a profile; it can be had back. */
export function deleteConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.deleteConnectionProfile> {
  return async ({ id, etag, allowMissing }, context) => {
    const connectionProfile = await deps.profiles.remove(callerOf(context), id, etag);
    if (connectionProfile !== undefined)
      return { connectionProfile: asSeenBy(context, connectionProfile), revision: connectionProfile.revision };
    if (!allowMissing) throw profileNotFound();
    return {};
  };
}
