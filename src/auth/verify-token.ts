import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { type ClaimPath, readClaim } from "./claim-path.ts";
import type { WarnClaim } from "./claim-warnings.ts";
import { knownRoles, permissionsOf } from "./permissions.ts";
import type { Principal } from "./principal.ts";
import { readRoles } from "./read-roles.ts";
import type { RoleMapping } from "./role-mapping.ts";
import { tokenInvalid, tokenRejected } from "./token-errors.ts";

/** Asymmetric signatures only: `none` and shared secrets are never accepted. */
export const asymmetricAlgorithms = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
];

/** How far the clocks of issuer and server may be apart, in seconds. */
const clockToleranceSeconds = 30;

/** What a token must say to be accepted. */
export interface TokenRules {
  /** Finds the issuer's key for a token. */
  readonly key: JWTVerifyGetKey;
  readonly issuer: string;
  readonly audience: string;
  /** The signature algorithms to accept. */
  readonly algorithms: readonly string[];
  /** Where the organization's id is, a text. */
  readonly organizationClaim: ClaimPath;
  /** Where the caller's roles are; read-roles.ts says in which forms. */
  readonly rolesClaim: ClaimPath;
  /** The role of a token without the roles claim; undefined: none. */
  readonly defaultRole: string | undefined;
  /** With it only the names in it are roles. */
  readonly roleMapping?: RoleMapping | undefined;
  readonly reportClaim?: WarnClaim;
}

/** Turns a bearer token into the caller. Throws ApiError: UNAUTHENTICATED, or UNAVAILABLE when the issuer is away. */
export type VerifyToken = (token: string) => Promise<Principal>;

/**
 * A verifier that remembers each good token until it expires: a signature costs 60 to 200 µs, a look-up under one.
 * It remembers 10 000 tokens, those used last. Expiry is read off the wall clock at each use: the cache counts by another
 * clock, which does not see that time was set forward.
 */
export function createTokenVerifier(rules: TokenRules): VerifyToken {
  const verified = new LRUCache<string, Principal>({ max: 10_000 });
  return async (token) => {
    const known = verified.get(token);
    if (known !== undefined && Date.now() < known.expiresAt) return known;
    const payload = await verify(token, rules);
    const principal = toPrincipal(payload, rules);
    const remainingMs = (payload.exp ?? 0) * 1000 - Date.now();
    if (remainingMs > 0) verified.set(token, principal, { ttl: remainingMs });
    return principal;
  };
}

async function verify(token: string, { key, issuer, audience, algorithms }: TokenRules): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, key, {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ["exp", "sub"],
    });
    return payload;
  } catch (cause) {
    throw tokenRejected(cause);
  }
}

function toPrincipal(payload: JWTPayload, rules: TokenRules): Principal {
  const organizationId = readClaim(payload, rules.organizationClaim);
  if (!isId(payload.sub)) throw tokenInvalid("user");
  if (!isId(organizationId)) {
    rules.reportClaim?.(organizationId === undefined ? "organization absent" : "organization unusable");
    throw tokenInvalid("organization");
  }
  return {
    userId: payload.sub,
    organizationId,
    permissions: permissionsOf(rolesOf(payload, rules)),
    expiresAt: ((payload.exp ?? 0) + clockToleranceSeconds) * 1000,
    sessionId: [payload.sid, payload.jti].find(isId) ?? "",
  };
}

/** No control or format characters, and no half characters, of which the database would make one and the same. */
function isId(value: unknown): value is string {
  return typeof value === "string" && value.length <= 256 && /^\P{C}+$/u.test(value);
}

/** The roles of a token; none unless it names them in the way that is configured. */
function rolesOf(payload: JWTPayload, { rolesClaim, roleMapping, defaultRole, reportClaim }: TokenRules): string[] {
  const claim = readRoles(readClaim(payload, rolesClaim));
  if (claim.kind === "absent") {
    reportClaim?.("roles absent");
    return defaultRole === undefined ? [] : [defaultRole];
  }
  const roles = claim.names.flatMap((name) => (roleMapping === undefined ? [name] : (roleMapping.get(name) ?? [])));
  if (claim.kind === "unusable") reportClaim?.("roles unusable");
  else if (!roles.some((role) => knownRoles.includes(role))) reportClaim?.("roles unknown");
  return roles;
}
