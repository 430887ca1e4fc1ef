import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { type RestNames, streamPositionOf } from "../../../proto-schema/http/rest-mapping.ts";
import { encodeJson } from "./encode-json.ts";

/** The text format of a stream. */
export interface StreamFormat {
  readonly contentType: string;
  /** The text at the start of the stream. */
  readonly opening: string;
  /** The text that prevents proxies from closing an idle stream. */
  readonly heartbeat: string;
  write(event: "message" | "error" | "done", data: JsonValue, id?: string): string;
}

/** Milliseconds before a client reconnects. */
const retryMs = 3000;

const eventStream: StreamFormat = {
  contentType: "text/event-stream; charset=utf-8",
  opening: `retry: ${retryMs}\n\n`,
  heartbeat: ":\n\n",
  write: (event, data, id) =>
    `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`,
};

const lines: StreamFormat = {
  contentType: "application/x-ndjson",
  opening: "",
  heartbeat: `${JSON.stringify({ event: "heartbeat" })}\n`,
  write: (event, data, id) => `${JSON.stringify({ event, ...(id === undefined ? {} : { id }), data })}\n`,
};

/** Returns the format for an `Accept` header: server-sent events, or JSON lines when it names only those. */
export function chooseFormat(accept: string): StreamFormat {
  const types = accept.split(",").map((type) => (type.split(";")[0] ?? "").trim().toLowerCase());
  return types.includes("application/x-ndjson") && !types.includes("text/event-stream") ? lines : eventStream;
}

/**
 * The id of the event `done`. An EventSource reconnects after any end; with this as its last event id it gets status 204, the
 * only response that stops it.
 */
export const endId = "end";

/** The messages of a stream and their encoding. */
export interface StreamSource {
  readonly output: DescMessage;
  readonly names: RestNames;
  readonly messages: AsyncIterator<Message>;
  /** The first message, already requested. */
  readonly first: Promise<IteratorResult<Message>>;
  readonly signal: AbortSignal;
  /** Returns the problem detail of an error; undefined when the caller has disconnected. */
  readonly toProblem: (error: unknown) => JsonValue | undefined;
}

/**
 * Yields a stream of messages as text, with a heartbeat every `heartbeatMs` milliseconds (default 15 s) without a message. Its
 * early end also ends the handler.
 */
export async function* streamEvents(
  format: StreamFormat,
  source: StreamSource,
  heartbeatMs = 15_000,
): AsyncGenerator<string> {
  const { output, names, messages, signal } = source;
  const position = streamPositionOf(output);
  const idOf = (message: Message) => {
    const value =
      position === undefined ? undefined : (message as unknown as Record<string, unknown>)[position.localName];
    const id = String(value ?? "");
    return id === "" ? undefined : id.replace(/[\r\n\0]/g, "");
  };
  let pending = source.first;
  try {
    yield format.opening;
    for (;;) {
      const next = await nextOrSilence(pending, signal, heartbeatMs);
      if (next === undefined) yield format.heartbeat;
      else if (next.done === true) return yield format.write("done", {}, endId);
      else {
        yield format.write("message", encodeJson(output, next.value, names), idOf(next.value));
        pending = messages.next();
      }
    }
  } catch (error) {
    const problem = source.toProblem(error);
    if (problem !== undefined) yield format.write("error", problem);
  } finally {
    pending.catch(() => {}); // the end itself may reject it
    void messages.return?.().catch(() => {});
  }
}

/** Returns the next message; undefined after `ms` milliseconds without one. Rejects as soon as the caller disconnects. */
function nextOrSilence<T>(pending: Promise<T>, signal: AbortSignal, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const silence = setTimeout(() => resolve(undefined), ms);
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    pending.then(resolve, reject).finally(() => {
      clearTimeout(silence);
      signal.removeEventListener("abort", abort);
    });
  });
}
