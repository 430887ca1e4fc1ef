import { type CallOptions, Code, type ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type BackoffOptions, backoffMs, sleep } from "./backoff.ts";
import { isReason, retryAfterOf } from "./error-details.ts";
import { isTransient } from "./retry-calls.ts";
import { streamWithIdleTimeout } from "./stream-with-idle-timeout.ts";

/** A stream that says in `revision` how far it has come, and that can go on after that. */
export type WatchCall<Request extends { afterRevision?: bigint | undefined }, Message extends { revision: bigint }> = (
  request: Request,
  options?: CallOptions,
) => AsyncIterable<Message>;

/** What watch can be told. */
export interface WatchOptions extends Partial<BackoffOptions> {
  /** Ends the watch. */
  readonly signal?: AbortSignal;
  /** Headers to send whenever the stream is opened. */
  readonly headers?: NonNullable<CallOptions["headers"]>;
  /** After how long without any message a connection counts as broken, in milliseconds: 45 000, three bookmarks. */
  readonly silenceMs?: number;
  /** Told of every interruption that is being mended. */
  readonly onInterrupted?: (error: ConnectError) => void;
}

/**
 * Watches for ever. When the stream breaks or ends it is opened again after the last revision that was seen, so every
 * change comes exactly once and in order. Bookmarks come through when they say something new; their revision can be kept
 * as the place to begin after the next time.
 *
 * Ends when the signal is aborted or the caller leaves the loop. Throws ConnectError for what does not pass by waiting,
 * such as PERMISSION_DENIED, or WATCH_REVISION_INVALID: then the state has to be read again.
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

  /** What is new in the stream from here to its end, and why it ended. */
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
 * Whether opening the stream again may help. A statement of the database that was too slow was one of many: the watch goes on
 * behind the last. Once it has answered, everything may that the server itself did not say; and a token that ran out meanwhile is
 * replaced by the next one.
 */
function canGoOn(error: ConnectError, answered: boolean): boolean {
  return (
    isTransient(error) ||
    isReason(error, ErrorReason.QUERY_TIMEOUT) ||
    (answered && (error.code === Code.Unauthenticated || error.details.length === 0))
  );
}
