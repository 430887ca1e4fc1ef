import type { HandlerContext } from "@connectrpc/connect";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import { principalKey } from "../auth/principal.ts";

/**
 * Removes the fingerprints of secrets from the given profile, for callers without `profiles.rebind`, and returns it. Every
 * handler whose response contains a profile calls this: by comparing fingerprints a caller with write access could guess a
 * short secret.
 */
export function hideFingerprints(
  { values }: Pick<HandlerContext, "values">,
  profile: ConnectionProfile,
): ConnectionProfile {
  if (!values.get(principalKey).permissions.has("profiles.rebind"))
    for (const secret of profile.secrets) secret.fingerprint = "";
  return profile;
}
