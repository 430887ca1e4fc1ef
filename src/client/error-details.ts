import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type TestReport, TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import type { Status } from "../../gen/google/rpc/status_pb.js";

/**
 * Why a call failed. Undefined when the server did not say: the connection broke, a proxy answered, or the reason is
 * newer than this client. Also takes a `google.rpc.Status` out of a batch's answer.
 */
export function reasonOf(error: unknown): ErrorReason | undefined {
  const info = detailOf(error, ErrorInfoSchema);
  if (info?.domain !== "connectory") return undefined;
  const reason: unknown = ErrorReason[info.reason as keyof typeof ErrorReason];
  return typeof reason === "number" ? reason : undefined;
}

/** Whether a call failed for this reason. */
export function isReason(error: unknown, reason: ErrorReason): boolean {
  return reasonOf(error) === reason;
}

/** What came with the reason, by name, such as the `id` of the connection that exists already. */
export function metadataOf(error: unknown): Readonly<Record<string, string>> {
  return detailOf(error, ErrorInfoSchema)?.metadata ?? {};
}

/**
 * The first detail of a kind that came with an error; undefined when there is none. An error is what a call threw, or the
 * `google.rpc.Status` that the answer of a batch has for one of its requests.
 */
export function detailOf<D extends DescMessage>(error: unknown, schema: D): MessageShape<D> | undefined {
  if (error instanceof ConnectError) return error.findDetails(schema)[0];
  if (!isStatus(error)) return undefined;
  return error.details.map((detail) => anyUnpack(detail, schema)).find((detail) => detail !== undefined);
}

function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && (value as Partial<Status>).$typeName === "google.rpc.Status";
}

/** What a live test found out, when the call failed for it (TARGET_UNUSABLE). */
export function reportOf(error: unknown): TestReport | undefined {
  return detailOf(error, TestReportSchema);
}

/** The id under which the server's log has the call; undefined when the error did not come from the server. */
export function requestIdOf(error: unknown): string | undefined {
  return detailOf(error, RequestInfoSchema)?.requestId;
}

/** After how many milliseconds the server wants the call again; undefined when it did not say. */
export function retryAfterOf(error: unknown): number | undefined {
  const delay = detailOf(error, RetryInfoSchema)?.retryDelay;
  return delay === undefined ? undefined : Math.max(0, durationMs(delay));
}

/** A rule that a request breaks. */
export interface Violation {
  /** The field's path, such as `config.kafka.bootstrap_servers`. */
  readonly field: string;
  /** What is wrong with it, in a sentence. */
  readonly description: string;
}

/** Which fields of the request are wrong; empty when that is not what the call failed for. */
export function violationsOf(error: unknown): readonly Violation[] {
  const violations = detailOf(error, BadRequestSchema)?.fieldViolations ?? [];
  return violations.map(({ field, description }) => ({ field, description }));
}

/** Something that must be done before the call can succeed. */
export interface Precondition {
  /** What kind it is, under a stable name. */
  readonly type: string;
  /** What it is about, such as the path of a secret. */
  readonly subject: string;
  /** What to do, in a sentence. */
  readonly description: string;
}

/** What must be done first; empty when that is not what the call failed for. */
export function preconditionsOf(error: unknown): readonly Precondition[] {
  const violations = detailOf(error, PreconditionFailureSchema)?.violations ?? [];
  return violations.map(({ type, subject, description }) => ({ type, subject, description }));
}
