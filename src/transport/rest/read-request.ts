import type { Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { etagOf, requestIdField, streamPositionOf } from "../../contract/rest-form.ts";
import { Failure } from "../../failure.ts";
import { decodeRequest, type FixedField } from "./decode-request.ts";
import { readIfMatch } from "./entity-tag.ts";
import { readIdempotencyKey } from "./idempotency-key.ts";
import type { RefuseMember } from "./normalize-body.ts";
import type { RestCall } from "./rest-call.ts";

/** Makes the message of a call of its path, query, headers and body. Throws Failure. */
export function readRequest(call: RestCall, body: string, refuseMember: RefuseMember): Message {
  const { route, rule } = call.target;
  const path = [...call.variables].map(([field, value]) => ({ field, value, source: "the path" }));
  const parts = { bodyRule: rule.body, body, query: call.query, fixed: [...path, ...fromHeaders(call)] };
  const { message, wrapped } = decodeRequest(route.method.input, parts, refuseMember);
  call.wrapped = wrapped;
  return message;
}

/** The fields that standard headers stand for. */
function* fromHeaders({ header, target }: RestCall): Generator<FixedField> {
  const { input, idempotency } = target.route.method;
  const ifMatch = header.get("if-match");
  const etag = etagOf(input);
  if (ifMatch !== null && etag !== undefined) {
    const value = readIfMatch(ifMatch);
    if (value !== undefined) yield { field: etag.name, value, source: "If-Match" };
  } else if (ifMatch !== null && idempotency !== Idempotency.NO_SIDE_EFFECTS) throw unconditional();
  const key = header.get("idempotency-key");
  const requestId = requestIdField(input);
  if (key !== null && requestId !== undefined)
    yield { field: requestId.name, value: readIdempotencyKey(key), source: "Idempotency-Key" };
  // An EventSource connects again with the query that it began with, so this replaces what stands there.
  const lastEventId = header.get("last-event-id");
  const position = streamPositionOf(input);
  if (lastEventId !== null && lastEventId !== "" && position !== undefined)
    yield { field: position.name, value: lastEventId };
}

/** A condition that is not looked at would be worse than none. */
function unconditional(): Failure {
  return new Failure(ErrorReason.MESSAGE_MALFORMED, "If-Match: what this path writes has no entity tag");
}
