import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** Throws ETAG_MISMATCH when the caller names an etag and the profile has another one. */
export function checkEtag(expected: string, actual: string): void {
  if (expected !== "" && expected !== actual) throw etagMismatch(actual);
}

/** ABORTED, with the etag that the profile has. */
export function etagMismatch(actual: string): Failure {
  return new Failure(
    ErrorReason.ETAG_MISMATCH,
    "etag: the profile was written since you read it: read it again, and repeat the change",
    { metadata: { etag: actual } },
  );
}
