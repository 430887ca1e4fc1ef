import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/**
 * CONNECTION_NOT_FOUND, the same for a connection that never existed, is deleted, belongs to another organization or may not be
 * seen by the caller.
 */
export function connectionNotFound(): ApiError {
  return new ApiError(ErrorReason.CONNECTION_NOT_FOUND, "you have access to no such connection");
}
