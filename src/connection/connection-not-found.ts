import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** The same for what never was, what is deleted, what another organization has and what the caller may not see. */
export function connectionNotFound(): Failure {
  return new Failure(ErrorReason.CONNECTION_NOT_FOUND, "you have access to no such connection");
}
