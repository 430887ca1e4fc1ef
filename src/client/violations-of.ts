import { BadRequestSchema, PreconditionFailureSchema } from "../../gen/google/rpc/error_details_pb.js";
import { detailOf } from "./detail-of.ts";

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
