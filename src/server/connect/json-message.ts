import type { IncomingMessage } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Message } from "@bufbuild/protobuf";
import { ConnectError, type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { onCallEnd } from "../../interceptors/call/on-call-end.ts";
import { renameErrorKey } from "../../interceptors/call/rename-error.ts";

/**
 * The message of a call in JSON; undefined for a binary message. The service decodes it, because it accepts more forms than
 * Connect's own decoder, which gets an empty object.
 */
export const jsonMessageKey: ContextKey<Message | undefined> = createContextKey<Message | undefined>(undefined, {
  description: "message in JSON",
});

/** Uses the message that the service has decoded, and its names of fields in errors. */
export const useJsonMessage: Interceptor = (next) => (request) => {
  const { contextValues: values, method } = request;
  const message = values.get(jsonMessageKey);
  if (message === undefined) return next(request);
  const decoded = request.stream
    ? { ...request, message: replaced(request.message, message) }
    : { ...request, message };
  return onCallEnd(next, decoded, {
    mapError: (error) => (error instanceof ConnectError ? values.get(renameErrorKey)(error, method.input) : error),
  });
};

async function* replaced(received: AsyncIterable<Message>, message: Message): AsyncGenerator<Message> {
  for await (const _ of received) yield message;
}

/** The content-length of a request in JSON that `hideLength` has hidden. */
export const hiddenLengthKey: ContextKey<number | undefined> = createContextKey<number | undefined>(undefined, {
  description: "content-length of a request in JSON",
});

/**
 * Hides the content-length of a request in JSON from Connect, which compares it with the body that it gets, and copies the headers
 * in the same turn. Returns the length; undefined for other requests.
 */
export function hideLength({ headers }: IncomingMessage): number | undefined {
  const { "content-length": length, "content-type": type = "" } = headers;
  if (length === undefined || !/\bjson\b/i.test(type)) return undefined;
  delete headers["content-length"];
  queueMicrotask(() => {
    headers["content-length"] = length;
  });
  return Number(length);
}

const empty = Buffer.from("{}");
const compressed: Readonly<Record<string, Buffer>> = { gzip: gzipSync(empty), br: brotliCompressSync(empty) };

/** Returns the body of a request that has an empty object for its message. */
export function emptyBody(encoding: string, isEnveloped: boolean): Uint8Array {
  // An envelope says itself that its message is not compressed.
  if (isEnveloped) return Buffer.concat([Buffer.from([0, 0, 0, 0, empty.length]), empty]);
  return compressed[encoding] ?? empty;
}
