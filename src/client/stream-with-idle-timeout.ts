import { Code, ConnectError } from "@connectrpc/connect";

/** The conditions that end a stream. */
export interface IdleTimeoutOptions {
  readonly signal: AbortSignal | undefined;
  /** The longest time without a message, in milliseconds. */
  readonly silenceMs: number;
}

/**
 * Yields the messages of a stream and returns the error that ended it: UNAVAILABLE when the server ended it, or after
 * `silenceMs` without a message, which detects a connection whose peer vanished. The stream is closed however the generator
 * ends; the library leaves a stream open when a loop over it ends early.
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
