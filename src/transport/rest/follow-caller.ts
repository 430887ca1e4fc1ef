import type { ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../../failure.ts";

/** How long a call is wanted. */
export interface Lifetime {
  /** Aborts when the caller leaves or its deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds left until the deadline; undefined without one. */
  readonly timeoutMs: () => number | undefined;
  /** Sets the deadline that a header asks for. Throws Failure MESSAGE_MALFORMED for one that is none. */
  readonly limit: (header: string | null) => void;
}

/** The header of a caller's deadline: Connect's, because HTTP itself has none. */
export const timeoutHeader = "connect-timeout-ms";

/** setTimeout takes no more than 24 days and would fire at once; nobody waits for a day. */
const maxTimeoutMs = 86_400_000;

/** Watches the connection of a call. */
export function followCaller(response: ServerResponse): Lifetime {
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
      const ms = readTimeout(header);
      until = performance.now() + ms;
      late = setTimeout(() => aborter.abort(new ConnectError("the deadline passed", Code.DeadlineExceeded)), ms);
    },
  };
}

function readTimeout(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= maxTimeoutMs) return Number(text);
  throw new Failure(
    ErrorReason.MESSAGE_MALFORMED,
    `${timeoutHeader}: must be a number of milliseconds, at most ${maxTimeoutMs}`,
  );
}

/** Settles as the promise does, or rejects as soon as the signal aborts: a verb may be slow to notice. */
export function whileWanted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
