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
import { exceededLimit } from "../database/exceeded-limit.ts";
import { isTransientError } from "../database/is-transient-error.ts";
import { ApiError } from "../errors/api-error.ts";
import { codeOfReason } from "../errors/reason-codes.ts";
import { onCallEnd } from "./call/on-call-end.ts";
import { requestIdKey } from "./request-id.ts";

/** The cause of a refusal that only the log shows: `FailureDetail.loggedCause`. */
export const loggedCauseKey: ContextKey<string | undefined> = createContextKey<string | undefined>(undefined, {
  description: "logged cause",
});

/** Maps any error of a call to a status with `google.rpc` details. The content of an error other than ApiError is only logged. */
export function mapErrors(log: Logger): Interceptor {
  return (next) => (request) =>
    onCallEnd(next, request, {
      mapError: (error) => {
        const requestId = request.contextValues.get(requestIdKey);
        if (error instanceof ApiError && error.detail.loggedCause !== undefined)
          request.contextValues.set(loggedCauseKey, error.detail.loggedCause);
        return explainError(log, error, { requestId, rpc: request.method.name, signal: request.signal });
      },
    });
}

/**
 * Logs the cause of an error and returns the error for the caller: CANCELLED or DEADLINE_EXCEEDED when `signal` is aborted, the
 * ApiError itself, QUERY_TIMEOUT, QUEUE_FULL or DATABASE_UNAVAILABLE for errors of the database, else INTERNAL.
 */
export function explainError(
  log: Logger,
  error: unknown,
  { signal, ...call }: { requestId: string; rpc: string; signal: AbortSignal },
): ConnectError {
  const failure = toFailure(error, signal);
  logCause(log, failure, call);
  return toConnectError(failure, call.requestId);
}

/** Logs a cause: a defect or an unavailable dependency at level error, a fault of the caller at level debug. */
function logCause(log: Logger, { reason, cause }: ApiError, call: { requestId: string; rpc: string }): void {
  if (cause === undefined) return;
  const code = codeOfReason[reason];
  const isOurs = code === Code.Internal || code === Code.Unavailable || reason === ErrorReason.QUERY_TIMEOUT;
  const level = isOurs ? "error" : "debug";
  log[level]({ err: cause, ...call, reason: ErrorReason[reason] }, "call failed");
}

function toFailure(error: unknown, signal: AbortSignal): ApiError {
  if (signal.aborted) return gone(signal);
  if (error instanceof ApiError) return error;
  const limit = exceededLimit(error);
  if (limit !== undefined) return stopped(limit, error);
  if (isTransientError(error))
    return new ApiError(ErrorReason.DATABASE_UNAVAILABLE, "the database cannot be reached just now: try again", {
      cause: error,
      retryAfterMs: 1000,
    });
  return new ApiError(ErrorReason.INTERNAL, "internal error: the server's log has its cause under the request id", {
    cause: error,
  });
}

function stopped(limit: "time" | "lock", cause: unknown): ApiError {
  if (limit === "time")
    return new ApiError(
      ErrorReason.QUERY_TIMEOUT,
      "the database ended this call because it took longer than a statement may, and nothing was written: ask for less, such as a smaller page, or try again later",
      { cause },
    );
  return new ApiError(
    ErrorReason.QUEUE_FULL,
    "this call waits for a write that does not end, and nothing was written: try again in a moment",
    { cause, retryAfterMs: 1000 },
  );
}

function gone(signal: AbortSignal): ApiError {
  const late = signal.reason instanceof ConnectError && signal.reason.code === Code.DeadlineExceeded;
  return late
    ? new ApiError(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed before the answer")
    : new ApiError(ErrorReason.CANCELLED, "the caller went away before the answer");
}

/** Converts an ApiError to a ConnectError: status code, message and `google.rpc` details. */
export function toConnectError({ reason, message, detail }: ApiError, requestId: string): ConnectError {
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
