import { errors } from "jose";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** Why a token is not accepted, as the access log names it. A caller is never told: it would say how to do better. */
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

/** TOKEN_INVALID. It has no cause: the errors of jose hold the claims of the token, and an error that is logged is whole. */
export function tokenInvalid(fault: TokenFault): ApiError {
  return new ApiError(ErrorReason.TOKEN_INVALID, "the token is not accepted", { loggedCause: fault });
}

/** What a caller gets of an error of jose's: the token's fault, or that of the issuer's keys. */
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

/** jose throws plain JOSEError, a time-out or the network's own error when the key set cannot be fetched: undefined. */
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
