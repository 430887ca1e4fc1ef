/**
 * Limits a message of this call to `maxBytes`, compressed and decompressed: the limit of grpc-js is the same for all RPCs, and
 * most need a hundredth of it. Throws Error when grpc-js no longer has the two properties.
 */
export function limitMessage(call: object, maxBytes: number): void {
  // grpc-js (1.14.7) has no public access to either limit.
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
