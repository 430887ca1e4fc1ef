import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** Throws TOO_MANY_TESTS for a test that did not begin: there is no finding about the target. */
export function busy(): never {
  throw new ApiError(ErrorReason.TOO_MANY_TESTS, "this server was too busy to begin the test in time: try again", {
    retryAfterMs: 1000,
  });
}

/** Throws STOPPING for a test that a shutdown ended. */
export function unavailable(): never {
  throw new ApiError(ErrorReason.STOPPING, "this server is stopping: call again", { retryAfterMs: 100 });
}
