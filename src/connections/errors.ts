import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** The same for what never was, what is deleted, what another organization has and what the caller may not see. */
export function connectionNotFound(): ApiError {
  return new ApiError(ErrorReason.CONNECTION_NOT_FOUND, "you have access to no such connection");
}
