import { type CallOptions, Code, type ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type BackoffOptions, backoffMs, sleep } from "./backoff.ts";
import { isReason, retryAfterOf } from "./error-details.ts";
import { isTransient } from "./retry-calls.ts";
import { streamWithIdleTimeout } from "./stream-with-idle-timeout.ts";

/** A watch RPC: each message has the `revision` of the stream's position, and `afterRevision` resumes behind it. */
export type WatchCall<Request extends { afterRevision?: bigint | undefined }, Message extends { revision: bigint }> = (
  request: Request,
  options?: CallOptions,
) => AsyncIterable<Message>;

/** The options of `watch`. `baseMs` is 100 by default, `capMs` 10 000. */
export interface WatchOptions extends Partial<BackoffOptions> {
  /** Ends the watch when it aborts. Default: the watch ends only with the loop. */
  readonly signal?: AbortSignal;
  /** Headers of each attempt to open the stream. Default: none. */
  readonly headers?: NonNullable<CallOptions["headers"]>;
  /**
   * The longest time without a message before the connection counts as broken, in milliseconds. Default: 45 000, three
   * bookmarks.
   */
  readonly silenceMs?: number;
  /** Called with the error of each interruption before the stream is opened again. Default: none. */
  readonly onInterrupted?: (error: ConnectError) => void;
}

/**
 * Yields the messages of a watch, without an end. A stream that breaks or ends is opened again behind the last revision, so
 * each change is delivered exactly once and in order. Bookmarks that advance the position are delivered; their revision can be
 * stored as the start of a later watch.
 *
 * Ends when the signal aborts or the caller leaves the loop. Throws ConnectError for an error that a retry cannot resolve, such
 * as PERMISSION_DENIED, or WATCH_REVISION_INVALID, after which the state must be read again.
 */
export async function* watch<
  Request extends { afterRevision?: bigint | undefined },
  Message extends { revision: bigint },
>(
  call: WatchCall<Request, Message>,
  request: Request,
  options: WatchOptions = {},
): AsyncGenerator<Message, void, undefined> {
  const { signal, headers, silenceMs = 45_000, baseMs = 100, capMs = 10_000, onInterrupted } = options;
  const over = () => signal?.aborted === true;
  let position = request.afterRevision;
  let answered = false;
  let failures = 0;

  /** Yields the new messages of one stream, and returns the error that ended it. */
  async function* stretch(): AsyncGenerator<Message, ConnectError, undefined> {
    const from = position === undefined ? request : { ...request, afterRevision: position };
    const open = (to: { signal: AbortSignal }) => call(from, { ...to, timeoutMs: 0, ...(headers && { headers }) });
    const stream = streamWithIdleTimeout(open, { signal, silenceMs });
    answered = false;
    try {
      for (;;) {
        const result = await stream.next();
        if (result.done === true) return result.value;
        answered = true;
        if (position !== undefined && result.value.revision <= position) continue;
        position = result.value.revision;
        failures = 0;
        yield result.value;
      }
    } finally {
      await stream.return(undefined as never);
    }
  }

  while (!over()) {
    const why = yield* stretch();
    if (over()) return;
    if (!canGoOn(why, answered)) throw why;
    failures++;
    onInterrupted?.(why);
    await sleep(backoffMs(failures, retryAfterOf(why), { baseMs, capMs }), signal).catch(() => {});
  }
}

/**
 * Returns true when a new stream may succeed. QUERY_TIMEOUT concerns a single statement, so the watch resumes behind its last
 * revision. After a first message, so does every error that the server did not send; an expired token is replaced.
 */
function canGoOn(error: ConnectError, answered: boolean): boolean {
  return (
    isTransient(error) ||
    isReason(error, ErrorReason.QUERY_TIMEOUT) ||
    (answered && (error.code === Code.Unauthenticated || error.details.length === 0))
  );
}
