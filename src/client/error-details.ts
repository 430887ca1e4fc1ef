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
 * Returns the reason of an error; undefined when the error has none: the connection broke, a proxy responded, or the reason is
 * newer than this client. Accepts what a call throws, and a `google.rpc.Status` in the response of a batch.
 */
export function reasonOf(error: unknown): ErrorReason | undefined {
  const info = detailOf(error, ErrorInfoSchema);
  if (info?.domain !== "connectory") return undefined;
  const reason: unknown = ErrorReason[info.reason as keyof typeof ErrorReason];
  return typeof reason === "number" ? reason : undefined;
}

/** Returns true when a call failed for this reason. */
export function isReason(error: unknown, reason: ErrorReason): boolean {
  return reasonOf(error) === reason;
}

/** Returns the metadata of the reason by name, such as the `id` of the existing connection; empty when there is none. */
export function metadataOf(error: unknown): Readonly<Record<string, string>> {
  return detailOf(error, ErrorInfoSchema)?.metadata ?? {};
}

/**
 * Returns the first detail of a message type in an error; undefined when there is none. An error is what a call throws, or the
 * `google.rpc.Status` that the response of a batch has for one of its requests.
 */
export function detailOf<D extends DescMessage>(error: unknown, schema: D): MessageShape<D> | undefined {
  if (error instanceof ConnectError) return error.findDetails(schema)[0];
  if (!isStatus(error)) return undefined;
  return error.details.map((detail) => anyUnpack(detail, schema)).find((detail) => detail !== undefined);
}

function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && (value as Partial<Status>).$typeName === "google.rpc.Status";
}

/** Returns the report of the live test for which a call failed (TARGET_UNUSABLE); undefined for other errors. */
export function reportOf(error: unknown): TestReport | undefined {
  return detailOf(error, TestReportSchema);
}

/**
 * Returns the request id, by which the server's log identifies the call; undefined when the error did not come from the server.
 */
export function requestIdOf(error: unknown): string | undefined {
  return detailOf(error, RequestInfoSchema)?.requestId;
}

/** Returns the delay before another attempt that the server requests, in milliseconds; undefined when it requests none. */
export function retryAfterOf(error: unknown): number | undefined {
  const delay = detailOf(error, RetryInfoSchema)?.retryDelay;
  return delay === undefined ? undefined : Math.max(0, durationMs(delay));
}

/** A rule that a request breaks. */
export interface Violation {
  /** The field's path, such as `config.kafka.bootstrap_servers`. */
  readonly field: string;
  /** The fault, in a sentence. */
  readonly description: string;
}

/** Returns the violations of request fields; empty when the call failed for another reason. */
export function violationsOf(error: unknown): readonly Violation[] {
  const violations = detailOf(error, BadRequestSchema)?.fieldViolations ?? [];
  return violations.map(({ field, description }) => ({ field, description }));
}

/** An action that the call requires first. */
export interface Precondition {
  /** The kind of precondition, as a stable name. */
  readonly type: string;
  /** The subject, such as the path of a secret. */
  readonly subject: string;
  /** The required action, in a sentence. */
  readonly description: string;
}

/** Returns the preconditions that are not met; empty when the call failed for another reason. */
export function preconditionsOf(error: unknown): readonly Precondition[] {
  const violations = detailOf(error, PreconditionFailureSchema)?.violations ?? [];
  return violations.map(({ type, subject, description }) => ({ type, subject, description }));
}
