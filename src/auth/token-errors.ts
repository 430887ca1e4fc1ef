import { errors } from "jose";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** The reason why a token is not accepted, for the access log only: in a response it would help to forge tokens. */
export type TokenFault =
  | "malformed"
  | "algorithm"
  | "unknown_key"
  | "signature"
  | "issuer"
  | "audience"
  | "expiry"
  | "not_yet_valid"
  | "user"
  | "organization"
  | "claims";

/** TOKEN_INVALID, without `cause`: jose's errors contain the token's claims, and errors are logged completely. */
export function tokenInvalid(fault: TokenFault): ApiError {
  return new ApiError(ErrorReason.TOKEN_INVALID, "the token is not accepted", { loggedCause: fault });
}

/**
 * Returns the error for an error of jose: TOKEN_EXPIRED, TOKEN_INVALID, or ISSUER_UNAVAILABLE when the issuer's keys cannot be
 * read.
 */
export function tokenRejected(cause: unknown): ApiError {
  if (cause instanceof errors.JWTExpired)
    return new ApiError(ErrorReason.TOKEN_EXPIRED, "the token has expired: fetch a new one and call again");
  const fault = faultOf(cause);
  if (fault !== undefined) return tokenInvalid(fault);
  return new ApiError(ErrorReason.ISSUER_UNAVAILABLE, "the token issuer's keys cannot be read just now: try again", {
    cause,
    retryAfterMs: 1000,
  });
}

const faultOfClaim: Readonly<Record<string, TokenFault>> = {
  iss: "issuer",
  aud: "audience",
  sub: "user",
  exp: "expiry",
  nbf: "not_yet_valid",
};

/**
 * Returns the token's fault; undefined when the key set cannot be fetched: jose then throws a plain JOSEError, a timeout or the
 * network's error.
 */
function faultOf(cause: unknown): TokenFault | undefined {
  if (!(cause instanceof errors.JOSEError)) return undefined;
  switch (cause.code) {
    case errors.JOSEError.code:
    case errors.JWKSTimeout.code:
    case errors.JWKSInvalid.code:
      return undefined;
    case errors.JOSEAlgNotAllowed.code:
    case errors.JOSENotSupported.code:
      return "algorithm";
    case errors.JWKSNoMatchingKey.code:
    case errors.JWKSMultipleMatchingKeys.code:
      return "unknown_key";
    case errors.JWSSignatureVerificationFailed.code:
      return "signature";
    case errors.JWTClaimValidationFailed.code:
      return faultOfClaim[(cause as errors.JWTClaimValidationFailed).claim] ?? "claims";
    default:
      return "malformed";
  }
}
