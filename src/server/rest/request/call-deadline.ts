import type { ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { maxTimerMs, readTimeoutMs, timeoutFailure } from "../../dispatch/request-timeout.ts";

/** The deadline and cancellation of a call. */
export interface CallDeadline {
  /** Aborts when the caller disconnects or its deadline passes. */
  readonly signal: AbortSignal;
  /** Returns the milliseconds left until the deadline; undefined without one. */
  readonly timeoutMs: () => number | undefined;
  /** Sets the deadline from the value of the header. Throws ApiError MESSAGE_MALFORMED, or DEADLINE_EXCEEDED for 0. */
  readonly limit: (header: string | null) => void;
}

/** The header of the deadline in milliseconds: Connect's, because HTTP has none. */
export const timeoutHeader = "connect-timeout-ms";

/** Creates the deadline of a call from its connection. */
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

/** Settles like the promise, or rejects with the reason as soon as the signal aborts: a handler may react late. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
