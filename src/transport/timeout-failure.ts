import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/**
 * The longest that `setTimeout` can wait, 24.8 days; of more it makes a millisecond. No connection lives that long, so
 * a later deadline is none.
 */
export const maxTimerMs = 2 ** 31 - 1;

const forms = {
  "grpc-timeout": "must be 1 to 8 digits and one of H M S m u n, such as 5S or 250m",
  "connect-timeout-ms": "must be a number of milliseconds, of 1 to 10 digits",
} as const;

/** What a caller gets whose deadline cannot be read, or has passed before the call began. */
export function timeoutFailure(timeout: "malformed" | "passed", header: keyof typeof forms): Failure {
  return timeout === "malformed"
    ? new Failure(ErrorReason.MESSAGE_MALFORMED, `${header}: ${forms[header]}`)
    : new Failure(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed before the call began");
}
