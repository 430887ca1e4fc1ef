import type { Transport } from "@connectrpc/connect";

/** Gives calls a deadline that have none of their own. Streams are left alone: nobody knows how long they go on. Headers have whole milliseconds. */
export function withDefaultDeadline(transport: Transport, timeoutMs: number): Transport {
  return {
    unary: (method, signal, own, header, input, contextValues) =>
      transport.unary(method, signal, Math.ceil(own ?? timeoutMs), header, input, contextValues),
    stream: (...call) => transport.stream(...call),
  };
}
