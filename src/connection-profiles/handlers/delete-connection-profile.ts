import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { actorOf } from "../../interceptors/event-actor.ts";
import { profileNotFound } from "../errors.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

/** Deletes a profile; it can be undeleted. Throws ETAG_MISMATCH, and PROFILE_NOT_FOUND unless `allow_missing` is set. */
export function deleteConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.deleteConnectionProfile> {
  return async ({ id, etag, allowMissing }, context) => {
    const connectionProfile = await deps.profiles.remove(actorOf(context), id, etag);
    if (connectionProfile !== undefined)
      return { connectionProfile: hideFingerprints(context, connectionProfile), revision: connectionProfile.revision };
    if (!allowMissing) throw profileNotFound();
    return {};
  };
}
