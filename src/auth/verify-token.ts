import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { permissionsOf } from "./permissions.ts";
import type { Principal } from "./principal.ts";

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
  /** The claim that holds the organization's id. */
  readonly organizationClaim: string;
  /** The claim that holds the caller's roles, a list or a space separated string. */
  readonly rolesClaim: string;
}

/** Turns a bearer token into the caller. Throws Failure: UNAUTHENTICATED, or UNAVAILABLE when the issuer is away. */
export type VerifyToken = (token: string) => Promise<Principal>;

/**
 * A verifier that remembers each good token until it expires: a signature costs 60 to 200 µs, a look-up under one.
 * It remembers 10 000 tokens, those used last.
 */
export function createTokenVerifier(rules: TokenRules): VerifyToken {
  const verified = new LRUCache<string, Principal>({ max: 10_000 });
  return async (token) => {
    const known = verified.get(token);
    if (known !== undefined) return known;
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
    throw refusal(cause);
  }
}

function refusal(cause: unknown): Failure {
  if (cause instanceof errors.JWTExpired)
    return new Failure(ErrorReason.TOKEN_EXPIRED, "the token has expired: fetch a new one and call again", { cause });
  if (isTokensFault(cause)) return tokenInvalid(cause);
  return new Failure(ErrorReason.ISSUER_UNAVAILABLE, "the token issuer's keys cannot be read just now: try again", {
    cause,
    retryAfterMs: 1000,
  });
}

/** jose throws plain JOSEError, a time-out or the network's own error when the key set cannot be fetched. */
function isTokensFault(cause: unknown): boolean {
  return (
    cause instanceof errors.JOSEError &&
    cause.code !== "ERR_JOSE_GENERIC" &&
    !(cause instanceof errors.JWKSTimeout) &&
    !(cause instanceof errors.JWKSInvalid)
  );
}

function tokenInvalid(cause?: unknown): Failure {
  return new Failure(ErrorReason.TOKEN_INVALID, "the token is not accepted", { cause });
}

function toPrincipal(payload: JWTPayload, { organizationClaim, rolesClaim }: TokenRules): Principal {
  const organizationId = payload[organizationClaim];
  if (!isId(payload.sub) || !isId(organizationId)) throw tokenInvalid();
  return {
    userId: payload.sub,
    organizationId,
    permissions: permissionsOf(readRoles(payload[rolesClaim])),
    expiresAt: ((payload.exp ?? 0) + clockToleranceSeconds) * 1000,
    sessionId: [payload.sid, payload.jti].find(isId) ?? "",
  };
}

/** No control or format characters, and no half characters, of which the database would make one and the same. */
function isId(value: unknown): value is string {
  return typeof value === "string" && value.length <= 256 && /^\P{C}+$/u.test(value);
}

/** Undefined when the token says nothing about roles; a claim of another shape grants none. */
function readRoles(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return undefined;
  if (typeof claim === "string") return claim.split(" ");
  return Array.isArray(claim) ? claim.filter((role) => typeof role === "string") : [];
}
