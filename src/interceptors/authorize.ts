import type { Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../auth/principal.ts";
import { ApiError } from "../errors/api-error.ts";
import { accessOptionOf } from "./access-option.ts";

/**
 * Accepts a call when its RPC is public or the caller has its permission. Throws ApiError PERMISSION_MISSING, also for an RPC
 * without the `access` option.
 */
export const authorize: Interceptor = (next) => async (request) => {
  const rule = accessOptionOf(request.method);
  if (rule?.public === true) return next(request);
  const permission = rule?.permission ?? "";
  if (permission !== "" && request.contextValues.get(principalKey).permissions.has(permission)) return next(request);
  throw new ApiError(ErrorReason.PERMISSION_MISSING, `your roles do not grant ${permission || request.method.name}`, {
    metadata: { permission },
  });
};
