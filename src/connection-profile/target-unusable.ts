import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { TestOutcome } from "../connectors/run-test.ts";
import { Failure } from "../failure.ts";

/** FAILED_PRECONDITION with the report of a test that failed. */
export function targetUnusable({ message, report }: TestOutcome): Failure {
  return new Failure(ErrorReason.TARGET_UNUSABLE, message, { report });
}
