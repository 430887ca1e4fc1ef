import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

/**
 * Returns true when a second attempt cannot have a second effect: the method declares an idempotency level, or the request has
 * a `request_id` by which the server recognizes it.
 */
export function isIdempotent<I extends DescMessage>(method: DescMethodUnary<I>, input: MessageInitShape<I>): boolean {
  return method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN || isNamed(method.input, input);
}

/** A batch has request ids when each of its requests has one. */
function isNamed(desc: DescMessage, value: object): boolean {
  const at = (name: string): unknown => (value as Record<string, unknown>)[name];
  const named = desc.field.requestId;
  if (named !== undefined) return typeof at(named.localName) === "string" && at(named.localName) !== "";
  return desc.fields.some((field) => {
    const element = field.fieldKind === "list" && field.listKind === "message" ? field.message : undefined;
    const list = at(field.localName);
    if (element?.field.requestId === undefined || !Array.isArray(list) || list.length === 0) return false;
    return list.every((one: object) => isNamed(element, one));
  });
}
