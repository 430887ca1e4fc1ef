import type { Transport } from "@connectrpc/connect";

/**
 * Adds a deadline to unary calls without one; `timeoutMs` is in milliseconds, rounded up because headers hold whole
 * milliseconds. Streams stay as they are: their duration is not known in advance.
 */
export function withDefaultDeadline(transport: Transport, timeoutMs: number): Transport {
  return {
    unary: (method, signal, own, header, input, contextValues) =>
      transport.unary(method, signal, Math.ceil(own ?? timeoutMs), header, input, contextValues),
    stream: (...call) => transport.stream(...call),
  };
}
