import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../gen/google/rpc/status_pb.js";

/**
 * gRPC sends an error in trailers, and Java's client takes 8192 bytes of them by default: of more it makes an INTERNAL of its
 * own. The message is there twice, once percent-encoded; the status is in base64. In bytes.
 */
const limits = { encodedMessage: 1500, status: 4000 };

/**
 * A status that every client can receive: of a long message the beginning, of many violations the first, and without the
 * largest details when it is still too long. The first detail, `ErrorInfo`, always stays.
 */
export function fitStatus(status: Status): Status {
  const message = cut(status.message);
  let { details } = status;
  const fits = () => toBinary(StatusSchema, create(StatusSchema, { ...status, message, details })).length;
  while (fits() > limits.status) {
    const shorter = shorten(details);
    if (shorter === undefined) break;
    details = shorter;
  }
  return create(StatusSchema, { code: status.code, message, details });
}

function cut(message: string): string {
  if (encodeURIComponent(message).length <= limits.encodedMessage) return message;
  let end = message.length;
  while (encodeURIComponent(message.slice(0, end).toWellFormed()).length > limits.encodedMessage) end -= 20;
  return `${message.slice(0, end).toWellFormed()}…`;
}

/** With half of the largest detail, or without it; undefined when only the first is left. */
function shorten(details: readonly Any[]): Any[] | undefined {
  const [largest] = details.slice(1).toSorted((a, b) => b.value.length - a.value.length);
  if (largest === undefined) return undefined;
  const violations = anyUnpack(largest, BadRequestSchema)?.fieldViolations ?? [];
  if (violations.length < 2) return details.filter((detail) => detail !== largest);
  const fieldViolations = violations.slice(0, Math.floor(violations.length / 2));
  const half = anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations }));
  return details.map((detail) => (detail === largest ? half : detail));
}
