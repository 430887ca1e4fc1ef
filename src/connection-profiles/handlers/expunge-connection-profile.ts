import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { actorOf } from "../../interceptors/event-actor.ts";
import { profileNotFound } from "../errors.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

/** Removes a profile permanently, with its secrets and its history. Throws PROFILE_NOT_FOUND or ETAG_MISMATCH. */
export function expungeConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.expungeConnectionProfile> {
  return async ({ id, etag }, context) => {
    const revision = await deps.profiles.expunge(actorOf(context), id, etag);
    if (revision === undefined) throw profileNotFound();
    return { revision };
  };
}
