import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { type RestNames, streamPositionOf } from "../../../proto-schema/http/rest-mapping.ts";
import { encodeJson } from "./encode-json.ts";

/** How a stream is written. */
export interface StreamFormat {
  readonly contentType: string;
  /** What goes ahead of everything. */
  readonly opening: string;
  /** Keeps proxies from taking a silent stream for a dead one. */
  readonly heartbeat: string;
  write(event: "message" | "error" | "done", data: JsonValue, id?: string): string;
}

/** How long a client waits before it connects again, in milliseconds. */
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

/** Server-sent events, unless the caller asks for lines of JSON. */
export function chooseFormat(accept: string): StreamFormat {
  const types = accept.split(",").map((type) => (type.split(";")[0] ?? "").trim().toLowerCase());
  return types.includes("application/x-ndjson") && !types.includes("text/event-stream") ? lines : eventStream;
}

/**
 * The id of the event `done`. An EventSource connects again whatever the end was; when it names this as the last event it
 * has seen it is answered 204, which is the one thing that makes it stop.
 */
export const endId = "end";

/** What a stream is made of. */
export interface StreamSource {
  readonly output: DescMessage;
  readonly names: RestNames;
  readonly messages: AsyncIterator<Message>;
  /** The first message, which was asked for already. */
  readonly first: Promise<IteratorResult<Message>>;
  readonly signal: AbortSignal;
  /** The problem detail of what the stream threw; undefined when there is nobody to tell. */
  readonly toProblem: (error: unknown) => JsonValue | undefined;
}

/** A stream of messages as text, with heartbeats while there is nothing to say. Ends the handler when it is ended itself. */
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
    pending.catch(() => {}); // it may be rejected by the end itself
    void messages.return?.().catch(() => {});
  }
}

/** The next message; undefined when there was none for so long. Rejects as soon as the caller is gone. */
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
