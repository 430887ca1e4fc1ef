import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type Principal, principalKey } from "../auth/principal.ts";
import type { VerifyToken } from "../auth/verify-token.ts";
import { ApiError } from "../errors/api-error.ts";
import { accessOptionOf } from "./access-option.ts";

/** How long it took to find out who calls, in milliseconds. */
export const authenticationMsKey: ContextKey<number> = createContextKey(0, { description: "authentication ms" });

/** Finds out who calls, from the bearer token. A public RPC is let through without one. */
export function authenticate(verifyToken: VerifyToken): Interceptor {
  return (next) => async (request) => {
    if (accessOptionOf(request.method)?.public === true) return next(request);
    const started = performance.now();
    request.contextValues.set(principalKey, await principalOf(request.header.get("authorization"), verifyToken));
    request.contextValues.set(authenticationMsKey, performance.now() - started);
    return next(request);
  };
}

/** Whose the bearer token of an `authorization` header is. Throws ApiError TOKEN_MISSING, or what `verifyToken` throws. */
export async function principalOf(authorization: string | null, verifyToken: VerifyToken): Promise<Principal> {
  const token = /^Bearer +([^\s]+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined)
    throw new ApiError(ErrorReason.TOKEN_MISSING, "no bearer token: send the header `authorization: Bearer <token>`");
  return verifyToken(token);
}
