import type { ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { maxTimerMs, readTimeoutMs, timeoutFailure } from "../../dispatch/request-timeout.ts";

/** How long a call is wanted. */
export interface CallDeadline {
  /** Aborts when the caller leaves or its deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds left until the deadline; undefined without one. */
  readonly timeoutMs: () => number | undefined;
  /** Sets the deadline that a header asks for. Throws ApiError for one that is none, or that has passed. */
  readonly limit: (header: string | null) => void;
}

/** The header of a caller's deadline: Connect's, because HTTP itself has none. */
export const timeoutHeader = "connect-timeout-ms";

/** Watches the connection of a call. */
export function createCallDeadline(response: ServerResponse): CallDeadline {
  const aborter = new AbortController();
  let late: NodeJS.Timeout | undefined;
  let until: number | undefined;
  response.once("close", () => {
    clearTimeout(late);
    if (!response.writableFinished) aborter.abort(new ConnectError("the caller left", Code.Canceled));
  });
  return {
    signal: aborter.signal,
    timeoutMs: () => (until === undefined ? undefined : until - performance.now()),
    limit: (header) => {
      if (header === null) return;
      const ms = readTimeoutMs(header);
      if (Number.isNaN(ms)) throw timeoutFailure("malformed", timeoutHeader);
      if (ms === 0) throw timeoutFailure("passed", timeoutHeader);
      if (ms > maxTimerMs) return;
      until = performance.now() + ms;
      late = setTimeout(() => aborter.abort(new ConnectError("the deadline passed", Code.DeadlineExceeded)), ms);
    },
  };
}

/** Settles as the promise does, or rejects as soon as the signal aborts: a handler may be slow to notice. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
