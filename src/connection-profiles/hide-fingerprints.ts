import type { HandlerContext } from "@connectrpc/connect";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import { principalKey } from "../auth/principal.ts";

/**
 * A profile as a caller may see it, for every answer that has one: fingerprints are for those who may decide where secrets
 * are sent. With them anybody who may write could try out a short secret by comparing. The profile is the answer's own.
 */
export function hideFingerprints(
  { values }: Pick<HandlerContext, "values">,
  profile: ConnectionProfile,
): ConnectionProfile {
  if (!values.get(principalKey).permissions.has("profiles.rebind"))
    for (const secret of profile.secrets) secret.fingerprint = "";
  return profile;
}
