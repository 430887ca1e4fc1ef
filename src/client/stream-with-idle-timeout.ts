import { Code, ConnectError } from "@connectrpc/connect";

/** When to leave a stream. */
export interface IdleTimeoutOptions {
  readonly signal: AbortSignal | undefined;
  /** After how long without a message, in milliseconds. */
  readonly silenceMs: number;
}

/**
 * The messages of a stream, and at its end why it ended. The stream is closed however this is left: leaving the loop over
 * a stream of the library leaves the stream open. A connection whose other side vanished without a word is noticed by its
 * silence.
 */
export async function* streamWithIdleTimeout<Message>(
  open: (options: { signal: AbortSignal }) => AsyncIterable<Message>,
  { signal, silenceMs }: IdleTimeoutOptions,
): AsyncGenerator<Message, ConnectError, undefined> {
  const controller = new AbortController();
  const leave = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted === true) leave();
  const silent = () => controller.abort(new ConnectError(`nothing came for ${silenceMs} ms`, Code.Unavailable));
  try {
    const messages = open({ signal: controller.signal })[Symbol.asyncIterator]();
    for (;;) {
      const timer = setTimeout(silent, silenceMs);
      const result = await messages.next().catch((error: unknown) => ConnectError.from(error));
      clearTimeout(timer);
      if (result instanceof ConnectError) return result;
      if (result.done === true) return new ConnectError("the server ended the stream", Code.Unavailable);
      yield result.value;
    }
  } finally {
    signal?.removeEventListener("abort", leave);
    controller.abort();
  }
}
