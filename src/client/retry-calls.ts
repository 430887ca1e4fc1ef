import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { type BackoffOptions, backoffMs, sleep } from "./backoff.ts";
import { retryAfterOf } from "./error-details.ts";
import { isIdempotent } from "./is-idempotent.ts";

/** How calls are tried again. */
export interface RetryOptions extends BackoffOptions {
  /** How often a call is sent at most, the first time included. */
  readonly maxAttempts: number;
}

/** A server that asks for more patience than this is told to the caller instead, whatever the deadline. */
const longestPauseMs = 60_000;

/**
 * Sends calls again that failed because the server was not there or had no room, when that cannot do anything twice.
 * It ends with the last attempt or with the deadline of the call: rather than wait beyond that, the last error is thrown.
 *
 * Written out because none of the kept libraries fits: p-retry and cockatiel need Node 22, and neither takes the pause
 * from the answer together with full jitter.
 */
export function retryCalls(transport: Transport, options: Partial<RetryOptions> = {}): Transport {
  const { maxAttempts = 5, baseMs = 100, capMs = 5_000 } = options;
  return {
    stream: (...call) => transport.stream(...call),
    unary: async (method, signal, timeoutMs = 0, header, input, contextValues) => {
      if (!isIdempotent(method as DescMethodUnary, input)) {
        return transport.unary(method, signal, timeoutMs, header, input, contextValues);
      }
      const deadline = timeoutMs > 0 ? performance.now() + timeoutMs : Number.POSITIVE_INFINITY;
      for (let sent = 1; ; sent++) {
        try {
          const left = timeoutMs > 0 ? Math.max(1, Math.ceil(deadline - performance.now())) : 0;
          return await transport.unary(method, signal, left, header, input, contextValues);
        } catch (error) {
          const ms = backoffMs(sent, retryAfterOf(error), { baseMs, capMs });
          const late = ms > longestPauseMs || performance.now() + ms >= deadline;
          if (sent >= maxAttempts || late || !isTransient(error)) throw error;
          await sleep(ms, signal);
        }
      }
    },
  };
}

/** Whether the same call may succeed a little later. RESOURCE_EXHAUSTED without a time to come back is not that. */
export function isTransient(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || (code === Code.ResourceExhausted && retryAfterOf(error) !== undefined);
}
