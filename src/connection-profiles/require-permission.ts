import type { HandlerContext } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../auth/principal.ts";
import { ApiError } from "../errors/api-error.ts";

/**
 * Throws PERMISSION_MISSING when the caller lacks a permission that only some requests of an RPC need. The permission of all
 * its requests is in the RPC's `access` option and was checked before.
 */
export function requirePermission({ values }: Pick<HandlerContext, "values">, permission: string, why: string): void {
  if (values.get(principalKey).permissions.has(permission)) return;
  throw new ApiError(ErrorReason.PERMISSION_MISSING, `your roles do not grant ${permission}, which ${why} needs`, {
    metadata: { permission },
  });
}
