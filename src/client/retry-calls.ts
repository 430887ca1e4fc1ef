import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { type BackoffOptions, backoffMs, sleep } from "./backoff.ts";
import { retryAfterOf } from "./error-details.ts";
import { isIdempotent } from "./is-idempotent.ts";

/** The retry policy. */
export interface RetryOptions extends BackoffOptions {
  /** The maximum number of attempts, the first one included. Default: 5. */
  readonly maxAttempts: number;
}

/** The maximum pause, in milliseconds. A call whose pause would be longer fails at once, whatever its deadline. */
const longestPauseMs = 60_000;

/**
 * Retries idempotent unary calls that fail with UNAVAILABLE, or with RESOURCE_EXHAUSTED and a retry delay. Retries end with the
 * last attempt or with the deadline of the call: when the pause would exceed the deadline, the last error is thrown.
 *
 * No maintained library fits: p-retry and cockatiel need Node 22, and neither combines a delay from the response with full
 * jitter.
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

/** Returns true when the same call may succeed later: UNAVAILABLE, or RESOURCE_EXHAUSTED with a retry delay. */
export function isTransient(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || (code === Code.ResourceExhausted && retryAfterOf(error) !== undefined);
}
