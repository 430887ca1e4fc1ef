import { Code, ConnectError } from "@connectrpc/connect";

/** How long pauses between attempts get. */
export interface BackoffOptions {
  /** The longest first pause, in milliseconds; it doubles with every further try. */
  readonly baseMs: number;
  /** The longest pause of all, in milliseconds, unless the server asks for a longer one. */
  readonly capMs: number;
}

/**
 * How long to pause before the nth retry, in milliseconds: anything up to the limit ("full jitter"), so that clients
 * which failed together do not come back together. What the server asked for is added, never cut.
 */
export function backoffMs(retry: number, askedMs: number | undefined, { baseMs, capMs }: BackoffOptions): number {
  return (askedMs ?? 0) + Math.random() * Math.min(capMs, baseMs * 2 ** (retry - 1));
}

/** Waits. Rejects as a cancelled call does when the signal is aborted meanwhile. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      reject(ConnectError.from(signal?.reason, Code.Canceled));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", leave);
      resolve();
    }, ms);
    if (signal?.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  });
}
