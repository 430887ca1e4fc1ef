/**
 * Lets grpc-js read no message of more than `maxBytes` in this call, as sent and decompressed: its own limit is one for all RPCs,
 * and most need a hundredth of it.
 */
export function limitMessage(call: object, maxBytes: number): void {
  // Neither can be had from grpc-js (1.14.7) in another way.
  const decoder: unknown = Reflect.get(call, "decoder");
  if (typeof decoder !== "object" || decoder === null || !isNumber(decoder, sentLimit) || !isNumber(call, messageLimit))
    throw new Error("grpc-js limits messages elsewhere than it did");
  Reflect.set(decoder, sentLimit, maxBytes);
  Reflect.set(call, messageLimit, maxBytes);
}

const sentLimit = "maxReadMessageLength";
const messageLimit = "maxReceiveMessageSize";

function isNumber(of: object, name: string): boolean {
  return typeof Reflect.get(of, name) === "number";
}
