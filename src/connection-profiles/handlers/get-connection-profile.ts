import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { profileNotFound } from "../errors.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

/** Reads a profile by its id, deleted or not, without its secrets. Throws PROFILE_NOT_FOUND. */
export function getConnectionProfile(deps: {
  profiles: ProfileRepository;
}): MethodImpl<typeof ConnectionProfileService.method.getConnectionProfile> {
  return async (request, context) => {
    const { organizationId } = context.values.get(principalKey);
    const connectionProfile = await deps.profiles.find(organizationId, request.id);
    if (connectionProfile === undefined) throw profileNotFound();
    return { connectionProfile: hideFingerprints(context, connectionProfile) };
  };
}
