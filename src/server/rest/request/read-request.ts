import { createHash } from "node:crypto";
import type { JsonObject, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../errors/api-error.ts";
import { etagOf, requestIdField, streamPositionOf } from "../../../proto-schema/http/rest-mapping.ts";
import type { RejectMember } from "../../json/normalize-json.ts";
import { checkNoneMatch, readIfMatch } from "../response/etag.ts";
import { readFormBody } from "../web-form/read-form-body.ts";
import { decodeRequest, type FixedField } from "./decode-request.ts";
import type { RestCall } from "./rest-call.ts";

/** Decodes the message of a call from its path, query, headers and body. Throws ApiError. */
export function readRequest(call: RestCall, body: string, rejectMember: RejectMember): Message {
  const { route, rule, fixed = [] } = call.target;
  const path = [...call.variables].map(([field, value]) => ({ field, value, source: "the path" }));
  const parts = {
    bodyRule: rule.body,
    body,
    query: call.query,
    fixed: [...path, ...fixed, ...fromHeaders(call)],
    ...(call.forForms ? { adapt: formBodyReader(call) } : {}),
  };
  return decodeRequest(route.method.input, parts, { form: call, rejectMember });
}

function formBodyReader({ target, variables }: RestCall): (body: JsonObject) => JsonObject {
  return (body) => readFormBody(target.route.method, variables.get("id"), body);
}

/** Yields the fields from standard headers. */
function* fromHeaders({ header, target }: RestCall): Generator<FixedField> {
  const { input, idempotency } = target.route.method;
  const isRead = idempotency === Idempotency.NO_SIDE_EFFECTS;
  const ifMatch = header.get("if-match");
  const ifNoneMatch = header.get("if-none-match");
  if (ifNoneMatch !== null && !isRead) checkNoneMatch(ifNoneMatch);
  const etag = etagOf(input);
  if (ifMatch !== null && etag !== undefined) {
    const value = readIfMatch(ifMatch);
    if (value !== undefined) yield { field: etag.name, value, source: "If-Match" };
  } else if (ifMatch !== null && !isRead) throw unconditional();
  const key = header.get("idempotency-key");
  const requestId = requestIdField(input);
  if (key !== null && requestId !== undefined)
    yield { field: requestId.name, value: readIdempotencyKey(key), source: "Idempotency-Key" };
  // An EventSource reconnects with its first query, so the header replaces the position in the query.
  const lastEventId = header.get("last-event-id");
  const position = streamPositionOf(input);
  if (lastEventId !== null && lastEventId !== "" && position !== undefined)
    yield { field: position.name, value: lastEventId };
}

/** An ignored condition would be worse than an error. */
function unconditional(): ApiError {
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, "If-Match: what this path writes has no entity tag");
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Returns the `request_id` for an `Idempotency-Key`: a UUID unchanged, any other text as a UUID of its hash (version 8, RFC
 * 9562), so that equal keys give equal ids. The key may be in quotes. Throws ApiError MESSAGE_MALFORMED.
 */
export function readIdempotencyKey(header: string): string {
  const key = /^\s*"(.*)"\s*$/.exec(header)?.[1] ?? header.trim();
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "Idempotency-Key: must have 1 to 255 printable ASCII characters");
  if (uuid.test(key)) return key.toLowerCase();
  const bytes = createHash("sha256").update("connectory idempotency key\n").update(key).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
