import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonValue } from "@bufbuild/protobuf";
import { createInvokeStream } from "../dispatch/invoke-stream.ts";
import type { Route } from "../dispatch/route.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { readBody } from "./request/read-body.ts";
import { readRequest } from "./request/read-request.ts";
import { type RestCall, valuesOf } from "./request/rest-call.ts";
import { chooseFormat, endId, streamEvents } from "./response/event-stream.ts";
import type { UnaryOptions, UnaryResult } from "./unary-handler.ts";

/** The settings of handlers of streams. */
export interface StreamOptions extends UnaryOptions {
  /** Returns the problem detail of an error; undefined when the caller has disconnected. */
  readonly toProblem: (error: unknown, call: RestCall) => JsonValue | undefined;
}

/** Milliseconds in which an error gets an HTTP status of its own; a later one is sent in the stream. */
const statusWithinMs = 250;

/** Creates the handler of a server-streaming RPC. */
export function handleStream(
  { method, implementation }: Extract<Route, { kind: "server_streaming" }>,
  options: StreamOptions,
): UnaryResult {
  const invoke = createInvokeStream(method, implementation, options.interceptors);
  const maxBytes = maxRequestBytes(method.input, options.maxMessageBytes);

  return async (call, request, reply) => {
    if (call.header.get("last-event-id") === endId) return reply.code(204).send();
    const format = chooseFormat(call.header.get("accept") ?? "");
    reply.header("content-type", format.contentType).header("x-accel-buffering", "no");
    if (request.method === "HEAD") return reply.send();
    const body = await readBody(request.raw, maxBytes);
    const outcome = await invoke({
      ...call.lifetime,
      decode: () => readRequest(call, body, options.rejectMember),
      header: call.header,
      values: valuesOf(call),
    });
    for (const [name, value] of outcome.header) reply.header(name, value);
    const messages = outcome.message[Symbol.asyncIterator]();
    const first = messages.next();
    await Promise.race([first, sleep(statusWithinMs, undefined, { ref: false })]);
    const { signal } = call.lifetime;
    const { names } = call.target.form;
    const toProblem = (error: unknown) => options.toProblem(error, call);
    const text = streamEvents(format, { output: method.output, names, messages, first, signal, toProblem });
    // A slow reader slows the handler down: the stream buffers at most about 16 KiB.
    return reply.send(Readable.from(text, { objectMode: false, highWaterMark: 16_384 }));
  };
}
