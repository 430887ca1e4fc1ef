import type { Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../auth/principal.ts";
import type { VerifyToken } from "../auth/verify-token.ts";
import { Failure } from "../failure.ts";
import { accessOf } from "./access-of.ts";

/** Finds out who calls, from the bearer token. A public RPC is let through without one. */
export function authenticate(verifyToken: VerifyToken): Interceptor {
  return (next) => async (request) => {
    if (accessOf(request.method)?.public === true) return next(request);
    const token = /^Bearer +([^\s]+)$/i.exec(request.header.get("authorization") ?? "")?.[1];
    if (token === undefined)
      throw new Failure(ErrorReason.TOKEN_MISSING, "no bearer token: send the header `authorization: Bearer <token>`");
    request.contextValues.set(principalKey, await verifyToken(token));
    return next(request);
  };
}
