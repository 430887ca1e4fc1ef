import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { callerOf } from "../interceptors/caller.ts";
import { profileNotFound } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";

/** Deletes a profile together with its secrets. */
export function deleteConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.deleteConnectionProfile> {
  return async (request, context) => {
    const removed = await deps.profiles.remove(callerOf(context), request.id);
    if (removed === undefined) throw profileNotFound();
    return { connectionProfile: removed.profile, revision: removed.revision };
  };
}
