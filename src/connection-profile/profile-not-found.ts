import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** The same for what never was, what is deleted and what another organization has. */
export function profileNotFound(): Failure {
  return new Failure(ErrorReason.PROFILE_NOT_FOUND, "your organization has no such connection profile");
}
