import type { Meter } from "@opentelemetry/api";
import type { Logger } from "pino";
import { createClaimWarnings } from "../auth/claim-warnings.ts";
import { openIssuerKeys } from "../auth/issuer-keys.ts";
import { type LocalIssuer, localAlgorithm, localAudience, localClaims, localIssuer } from "../auth/local-issuer.ts";
import { logGrantedRoles } from "../auth/log-granted-roles.ts";
import { asymmetricAlgorithms, createTokenVerifier, type VerifyToken } from "../auth/verify-token.ts";
import type { Config } from "./config.ts";

/** Returns the verifier of the external issuer's tokens, or of the local issuer's when none is configured. */
export function createVerifier(
  { issuer }: Config,
  local: LocalIssuer | undefined,
  parts: { log: Logger; meter: Meter },
): VerifyToken {
  if (issuer !== undefined) {
    logGrantedRoles(issuer, parts.log);
    const names = { organization: issuer.organizationClaim.name, roles: issuer.rolesClaim.name };
    return createTokenVerifier({
      ...issuer,
      defaultRole: issuer.defaultRole === "none" ? undefined : issuer.defaultRole,
      algorithms: asymmetricAlgorithms,
      key: openIssuerKeys({ ...parts, url: issuer.jwksUrl }),
      reportClaim: createClaimWarnings({ ...parts, names }),
    });
  }
  if (local === undefined) throw new Error("no issuer");
  return createTokenVerifier({
    key: local.verificationKey,
    algorithms: [localAlgorithm],
    issuer: localIssuer,
    audience: localAudience,
    organizationClaim: { name: localClaims.organization, segments: undefined },
    rolesClaim: { name: localClaims.roles, segments: undefined },
    defaultRole: "member",
  });
}
