import { Code, ConnectError } from "@connectrpc/connect";

/** Limits of the pauses between attempts. */
export interface BackoffOptions {
  /** The upper limit of the first pause, in milliseconds; it doubles with each attempt. Default: 100. */
  readonly baseMs: number;
  /**
   * The upper limit of every pause, in milliseconds; a delay that the server requests is added to it. Default: 5000 for calls,
   * 10 000 for `watch`.
   */
  readonly capMs: number;
}

/**
 * Returns the pause before the nth retry (from 1), in milliseconds: a random value up to the limit ("full jitter"), so that
 * clients that failed together do not retry together. The delay that the server requested is added in full.
 */
export function backoffMs(retry: number, askedMs: number | undefined, { baseMs, capMs }: BackoffOptions): number {
  return (askedMs ?? 0) + Math.random() * Math.min(capMs, baseMs * 2 ** (retry - 1));
}

/**
 * Resolves after `ms` milliseconds. Rejects with a ConnectError (CANCELED unless the signal's reason has a code) when the
 * signal aborts.
 */
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
