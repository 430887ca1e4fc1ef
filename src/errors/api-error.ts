import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { TestReport } from "../../gen/connectory/v1/test_report_pb.js";

/** A broken rule of one request field. */
export interface FieldViolation {
  /** The field's path inside the request, such as `config.kafka.bootstrap_servers`. */
  readonly field: string;
  /** The fault and its remedy, in a sentence for the caller. */
  readonly description: string;
}

/** Details of an error beside its message. Each is optional; an absent one is not sent. */
export interface FailureDetail {
  readonly fieldViolations?: readonly FieldViolation[];
  /** `google.rpc.PreconditionFailure`: the action required first, its subject, and a stable type name. */
  readonly preconditionViolations?: readonly { type: string; subject: string; description: string }[];
  /** The report of the live test that failed. */
  readonly report?: TestReport;
  /** `ErrorInfo.metadata`: names and ids of the caller's own organization only. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** `google.rpc.RetryInfo`: the earliest time of another attempt, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** The underlying error, for the log only; never sent. */
  readonly cause?: unknown;
  /** A stable name of the cause, for the access log; never sent. */
  readonly loggedCause?: string;
}

/**
 * The only error that domain code throws. Message and detail are sent to the caller unchanged, so they hold no secret, no data
 * of another organization and no text from an external system.
 */
export class ApiError extends Error {
  readonly reason: ErrorReason;
  readonly detail: FailureDetail;

  constructor(reason: ErrorReason, message: string, detail: FailureDetail = {}) {
    super(message, { cause: detail.cause });
    this.name = "ApiError";
    this.reason = reason;
    this.detail = detail;
  }
}

/**
 * Limits of the violations in one error: their number, and the lengths of a path and of a description in UTF-16 code units. A
 * description may list the known fields.
 */
export const maxViolations = 16;
const maxPath = 200;
const maxDescription = 400;

/** Returns FIELD_INVALID (INVALID_ARGUMENT) for broken fields. */
export function fieldsInvalid(...violations: readonly FieldViolation[]): ApiError {
  return manyInvalid(violations);
}

/**
 * Returns FIELD_INVALID for a list of any length; `count` is its full length (default: that of `violations`; Infinity when the
 * check stopped early). Only the first 16 violations are sent, and long texts are truncated. A list whose length a caller
 * chooses is never spread into arguments, because that can overflow the stack.
 */
export function manyInvalid(violations: readonly FieldViolation[], count = violations.length): ApiError {
  const fieldViolations = violations
    .slice(0, maxViolations)
    .map(({ field, description }) => ({ field: cut(field, maxPath), description: cut(description, maxDescription) }));
  const more = count - fieldViolations.length;
  const said = fieldViolations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  const message = more === 0 ? said : `${said}; and ${Number.isFinite(more) ? `${more} ` : ""}more`;
  return new ApiError(ErrorReason.FIELD_INVALID, message, { fieldViolations });
}

/** The result is well-formed: a caller's name can hold half a surrogate pair, which protobuf cannot encode. */
function cut(text: string, most: number): string {
  return text.length <= most ? text.toWellFormed() : `${text.slice(0, most).toWellFormed()}…`;
}
