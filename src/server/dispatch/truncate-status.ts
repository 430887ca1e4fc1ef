import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from "../../../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../../gen/google/rpc/status_pb.js";

/**
 * Limits in bytes. gRPC sends an error in trailers, of which the Java client accepts 8192 bytes by default; it replaces the error
 * by its own INTERNAL for more. The trailers have the message twice, once percent-encoded, and the status in base64.
 */
const limits = { encodedMessage: 1500, status: 4000 };

/**
 * Shortens a status to a size that every client can receive: it cuts a long message, replaces violations at the end of a list by
 * their number, and then drops the largest details. The first detail, `ErrorInfo`, is always kept.
 */
export function truncateStatus(status: Status): Status {
  const message = truncate(status.message);
  let { details } = status;
  const fits = () => toBinary(StatusSchema, create(StatusSchema, { ...status, message, details })).length;
  while (fits() > limits.status) {
    const shorter = shorten(details);
    if (shorter === undefined) break;
    details = shorter;
  }
  return create(StatusSchema, { code: status.code, message, details });
}

function truncate(message: string): string {
  if (encodeURIComponent(message).length <= limits.encodedMessage) return message;
  let end = message.length;
  while (encodeURIComponent(message.slice(0, end).toWellFormed()).length > limits.encodedMessage) end -= 20;
  return `${message.slice(0, end).toWellFormed()}…`;
}

/** Halves or drops the largest detail; returns undefined when there is none left. */
function shorten(details: readonly Any[]): Any[] | undefined {
  const [largest] = details.toSorted((a, b) => b.value.length - a.value.length);
  if (largest === undefined) return undefined;
  const half = halve(largest);
  if (half !== undefined) return details.map((detail) => (detail === largest ? half : detail));
  if (largest !== details[0]) return details.filter((detail) => detail !== largest);
  const [droppable] = details.slice(1).toSorted((a, b) => b.value.length - a.value.length);
  return droppable === undefined ? undefined : details.filter((detail) => detail !== droppable);
}

/** Halves the list of a detail; the last entry gives the number of omitted entries. Returns undefined for a detail without a list. */
function halve(detail: Any): Any | undefined {
  const request = anyUnpack(detail, BadRequestSchema);
  if (request !== undefined && request.fieldViolations.length > 2) {
    const { kept, more } = cutList(request.fieldViolations);
    return anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [...kept, { description: more }] }));
  }
  const precondition = anyUnpack(detail, PreconditionFailureSchema);
  if (precondition !== undefined && precondition.violations.length > 2) {
    const { kept, more } = cutList(precondition.violations);
    const { type = "" } = kept[0] ?? {};
    const violations = [...kept, { type, description: more }];
    return anyPack(PreconditionFailureSchema, create(PreconditionFailureSchema, { violations }));
  }
  const info = anyUnpack(detail, ErrorInfoSchema);
  const [name, value] = Object.entries(info?.metadata ?? {}).toSorted(([, a], [, b]) => b.length - a.length)[0] ?? [];
  if (info === undefined || name === undefined || value === undefined || value.length < shortValue) return undefined;
  const metadata = { ...info.metadata, [name]: `${value.slice(0, Math.floor(value.length / 2)).toWellFormed()}…` };
  return anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { ...info, metadata }));
}

/** Characters. Values of at most this length are not cut. */
const shortValue = 64;

function cutList<T extends { description: string }>(list: readonly T[]): { kept: readonly T[]; more: string } {
  const said = Number(/^and (\d+) more$/.exec(list.at(-1)?.description ?? "")?.[1] ?? 0);
  const entries = said === 0 ? list : list.slice(0, -1);
  const kept = entries.slice(0, Math.max(1, Math.floor(entries.length / 2)));
  return { kept, more: `and ${entries.length - kept.length + said} more` };
}
