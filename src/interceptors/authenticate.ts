import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type Principal, principalKey } from "../auth/principal.ts";
import type { VerifyToken } from "../auth/verify-token.ts";
import { ApiError } from "../errors/api-error.ts";
import { accessOptionOf } from "./access-option.ts";

/** The duration of authentication in milliseconds. */
export const authenticationMsKey: ContextKey<number> = createContextKey(0, { description: "authentication ms" });

/** Authenticates the caller by its bearer token. A public RPC needs none. */
export function authenticate(verifyToken: VerifyToken): Interceptor {
  return (next) => async (request) => {
    if (accessOptionOf(request.method)?.public === true) return next(request);
    const started = performance.now();
    request.contextValues.set(principalKey, await principalOf(request.header.get("authorization"), verifyToken));
    request.contextValues.set(authenticationMsKey, performance.now() - started);
    return next(request);
  };
}

/** Returns the principal of the bearer token in an `authorization` header. Throws ApiError TOKEN_MISSING, or an error of `verifyToken`. */
export async function principalOf(authorization: string | null, verifyToken: VerifyToken): Promise<Principal> {
  const token = /^Bearer +([^\s]+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined)
    throw new ApiError(ErrorReason.TOKEN_MISSING, "no bearer token: send the header `authorization: Bearer <token>`");
  return verifyToken(token);
}
