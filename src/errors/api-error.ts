import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { TestReport } from "../../gen/connectory/v1/test_report_pb.js";

/** A broken rule of one request field. */
export interface FieldViolation {
  /** The field's path inside the request, such as `config.kafka.bootstrap_servers`. */
  readonly field: string;
  /** What is wrong and what to do, in a sentence for the caller. */
  readonly description: string;
}

/** What may travel to the caller beside the message. */
export interface FailureDetail {
  readonly fieldViolations?: readonly FieldViolation[];
  /** `google.rpc.PreconditionFailure`: what must be done first, about what, under a stable name. */
  readonly preconditionViolations?: readonly { type: string; subject: string; description: string }[];
  /** What a live test found out. */
  readonly report?: TestReport;
  /** `ErrorInfo.metadata`: names and ids of the caller's own organization only. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When to come back, in milliseconds. */
  readonly retryAfterMs?: number;
  /** For the log alone; never sent. */
  readonly cause?: unknown;
  /** Why, as a stable name in the access log; never sent. */
  readonly loggedCause?: string;
}

/**
 * The one error that domain code throws. Its message and detail are written for the caller and are sent as they are,
 * so they hold no secret, nothing of another organization and nothing that an outer system said.
 */
export class ApiError extends Error {
  readonly reason: ErrorReason;
  readonly detail: FailureDetail;

  constructor(reason: ErrorReason, message: string, detail: FailureDetail = {}) {
    super(message, { cause: detail.cause });
    this.name = "Failure";
    this.reason = reason;
    this.detail = detail;
  }
}

/** More of them, or longer ones, would not fit into the headers in which gRPC sends an error. */
export const maxViolations = 16;
const maxText = 200;

/** INVALID_ARGUMENT for broken fields. */
export function fieldsInvalid(...violations: readonly FieldViolation[]): ApiError {
  return manyInvalid(violations);
}

/**
 * The same for as many as there are (Infinity where nobody has looked for all of them): of very many the first, of long texts (names can be the caller's) the beginning. A list
 * whose length a caller chooses is never spread into arguments: they do not fit onto the stack.
 */
export function manyInvalid(violations: readonly FieldViolation[], count = violations.length): ApiError {
  const fieldViolations = violations
    .slice(0, maxViolations)
    .map(({ field, description }) => ({ field: cut(field), description: cut(description) }));
  const more = count - fieldViolations.length;
  const said = fieldViolations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  const message = more === 0 ? said : `${said}; and ${Number.isFinite(more) ? `${more} ` : ""}more`;
  return new ApiError(ErrorReason.FIELD_INVALID, message, { fieldViolations });
}

/** Well-formed, because a name of the caller's can be half a character, which no protobuf holds. */
function cut(text: string): string {
  return text.length <= maxText ? text.toWellFormed() : `${text.slice(0, maxText).toWellFormed()}…`;
}
