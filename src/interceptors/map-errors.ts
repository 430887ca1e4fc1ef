import { Code, ConnectError, type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { isUnreachable } from "../database/is-unreachable.ts";
import { limitOfStopped } from "../database/limit-of-stopped.ts";
import { Failure } from "../failure.ts";
import { aroundCall } from "./around-call.ts";
import { requestIdKey } from "./request-id.ts";

/** The status code of every reason; the comments of the ErrorReason enum say the same and a test compares them. */
export const codeOfReason: Readonly<Record<ErrorReason, Code>> = {
  [ErrorReason.UNSPECIFIED]: Code.Internal,
  [ErrorReason.TOKEN_MISSING]: Code.Unauthenticated,
  [ErrorReason.TOKEN_INVALID]: Code.Unauthenticated,
  [ErrorReason.TOKEN_EXPIRED]: Code.Unauthenticated,
  [ErrorReason.PERMISSION_MISSING]: Code.PermissionDenied,
  [ErrorReason.NOT_A_PARTICIPANT]: Code.PermissionDenied,
  [ErrorReason.FIELD_INVALID]: Code.InvalidArgument,
  [ErrorReason.MESSAGE_MALFORMED]: Code.InvalidArgument,
  [ErrorReason.USER_IDS_OUT_OF_ORDER]: Code.InvalidArgument,
  [ErrorReason.USER_IDS_EQUAL]: Code.InvalidArgument,
  [ErrorReason.PAGE_TOKEN_INVALID]: Code.InvalidArgument,
  [ErrorReason.CONNECTOR_UNKNOWN]: Code.InvalidArgument,
  [ErrorReason.CONNECTOR_MISMATCH]: Code.InvalidArgument,
  [ErrorReason.CONNECTION_ALREADY_EXISTS]: Code.AlreadyExists,
  [ErrorReason.CONNECTION_ID_TAKEN]: Code.AlreadyExists,
  [ErrorReason.PROFILE_NAME_TAKEN]: Code.AlreadyExists,
  [ErrorReason.CONNECTION_NOT_FOUND]: Code.NotFound,
  [ErrorReason.PROFILE_NOT_FOUND]: Code.NotFound,
  [ErrorReason.CONNECTOR_NOT_FOUND]: Code.NotFound,
  [ErrorReason.QUEUE_FULL]: Code.ResourceExhausted,
  [ErrorReason.TOO_MANY_TESTS]: Code.ResourceExhausted,
  [ErrorReason.DATABASE_UNAVAILABLE]: Code.Unavailable,
  [ErrorReason.ISSUER_UNAVAILABLE]: Code.Unavailable,
  [ErrorReason.STOPPING]: Code.Unavailable,
  [ErrorReason.CANCELLED]: Code.Canceled,
  [ErrorReason.DEADLINE_EXCEEDED]: Code.DeadlineExceeded,
  [ErrorReason.INTERNAL]: Code.Internal,
  [ErrorReason.SECRET_UNREADABLE]: Code.FailedPrecondition,
  [ErrorReason.SECRET_REBIND_REQUIRED]: Code.FailedPrecondition,
  [ErrorReason.ETAG_MISMATCH]: Code.Aborted,
  [ErrorReason.REQUEST_ID_REUSED]: Code.InvalidArgument,
  [ErrorReason.TARGET_UNUSABLE]: Code.FailedPrecondition,
  [ErrorReason.PROFILE_DELETED]: Code.FailedPrecondition,
  [ErrorReason.PROFILE_NOT_DELETED]: Code.AlreadyExists,
  [ErrorReason.CONNECTOR_WITHOUT_PROFILE]: Code.InvalidArgument,
  [ErrorReason.DISCOVERY_NOT_SUPPORTED]: Code.FailedPrecondition,
  [ErrorReason.REVISION_NOT_FOUND]: Code.NotFound,
  [ErrorReason.CONFIG_UNREADABLE]: Code.FailedPrecondition,
  [ErrorReason.WATCH_REVISION_INVALID]: Code.OutOfRange,
  [ErrorReason.TOO_MANY_WATCHES]: Code.ResourceExhausted,
  [ErrorReason.MESSAGE_TOO_LARGE]: Code.ResourceExhausted,
  [ErrorReason.CALL_NOT_SUPPORTED]: Code.Unimplemented,
  [ErrorReason.ANSWER_TOO_LARGE]: Code.ResourceExhausted,
  [ErrorReason.TOO_MANY_ATTEMPTS]: Code.ResourceExhausted,
  [ErrorReason.COMPRESSION_UNNAMED]: Code.Internal,
  [ErrorReason.QUERY_TIMEOUT]: Code.DeadlineExceeded,
};

/** Why a call was refused, where the caller is not told all of it: `FailureDetail.loggedCause`. */
export const loggedCauseKey: ContextKey<string | undefined> = createContextKey<string | undefined>(undefined, {
  description: "logged cause",
});

/** Turns whatever a call throws into a status with `google.rpc` details. What is not a Failure stays in the log. */
export function mapErrors(log: Logger): Interceptor {
  return (next) => (request) =>
    aroundCall(next, request, {
      failed: (error) => {
        const requestId = request.contextValues.get(requestIdKey);
        if (error instanceof Failure && error.detail.loggedCause !== undefined)
          request.contextValues.set(loggedCauseKey, error.detail.loggedCause);
        return explainError(log, error, { requestId, rpc: request.method.name, signal: request.signal });
      },
    });
}

/** What a caller gets of an error that was thrown in a call, once its cause is in the log. */
export function explainError(
  log: Logger,
  error: unknown,
  { signal, ...call }: { requestId: string; rpc: string; signal: AbortSignal },
): ConnectError {
  const failure = toFailure(error, signal);
  logCause(log, failure, call);
  return toConnectError(failure, call.requestId);
}

/** A defect, or a part that is away, is the operator's business; what a caller did wrong is not worth more than debug. */
function logCause(log: Logger, { reason, cause }: Failure, call: { requestId: string; rpc: string }): void {
  if (cause === undefined) return;
  const code = codeOfReason[reason];
  const isOurs = code === Code.Internal || code === Code.Unavailable || reason === ErrorReason.QUERY_TIMEOUT;
  const level = isOurs ? "error" : "debug";
  log[level]({ err: cause, ...call, reason: ErrorReason[reason] }, "call failed");
}

function toFailure(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted) return gone(signal);
  if (error instanceof Failure) return error;
  const limit = limitOfStopped(error);
  if (limit !== undefined) return stopped(limit, error);
  if (isUnreachable(error))
    return new Failure(ErrorReason.DATABASE_UNAVAILABLE, "the database cannot be reached just now: try again", {
      cause: error,
      retryAfterMs: 1000,
    });
  return new Failure(ErrorReason.INTERNAL, "internal error: the server's log has its cause under the request id", {
    cause: error,
  });
}

function stopped(limit: "time" | "lock", cause: unknown): Failure {
  if (limit === "time")
    return new Failure(
      ErrorReason.QUERY_TIMEOUT,
      "the database ended this call because it took longer than a statement may, and nothing was written: ask for less, such as a smaller page, or try again later",
      { cause },
    );
  return new Failure(
    ErrorReason.QUEUE_FULL,
    "this call waits for a write that does not end, and nothing was written: try again in a moment",
    { cause, retryAfterMs: 1000 },
  );
}

function gone(signal: AbortSignal): Failure {
  const late = signal.reason instanceof ConnectError && signal.reason.code === Code.DeadlineExceeded;
  return late
    ? new Failure(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed before the answer")
    : new Failure(ErrorReason.CANCELLED, "the caller went away before the answer");
}

/** A Failure as it travels: status code, message, and `google.rpc` details. */
export function toConnectError({ reason, message, detail }: Failure, requestId: string): ConnectError {
  const error = new ConnectError(message, codeOfReason[reason], undefined, [
    {
      desc: ErrorInfoSchema,
      value: { reason: ErrorReason[reason], domain: "connectory", metadata: { ...detail.metadata } },
    },
    { desc: RequestInfoSchema, value: { requestId } },
  ]);
  if (detail.fieldViolations !== undefined)
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations: [...detail.fieldViolations] } });
  if (detail.preconditionViolations !== undefined)
    error.details.push({ desc: PreconditionFailureSchema, value: { violations: [...detail.preconditionViolations] } });
  if (detail.report !== undefined) error.details.push({ desc: TestReportSchema, value: detail.report });
  if (detail.retryAfterMs !== undefined)
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay: delay(detail.retryAfterMs) } });
  return error;
}

function delay(milliseconds: number) {
  return { seconds: BigInt(Math.trunc(milliseconds / 1000)), nanos: (milliseconds % 1000) * 1_000_000 };
}
