import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { createCallQueue } from "../admission/call-queue.ts";
import { type TimeoutFault, takeRequestTimeout } from "../dispatch/request-timeout.ts";

/** The start of a call at the HTTP/2 layer. */
export interface CallHead {
  readonly stream: ServerHttp2Stream;
  /** The call declares a compression other than `identity`. */
  readonly compressed: boolean;
  /** grpc-js supports the declared compression, or there is none. */
  readonly readable: boolean;
  /** The fault of the deadline: malformed or passed; undefined for none. */
  readonly timeout: TimeoutFault | undefined;
}

/** The encodings that grpc-js supports. */
const encodings: ReadonlySet<string> = new Set(["identity", "gzip", "deflate"]);

/** A call before grpc-js receives it. */
interface NewCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly more: readonly unknown[];
}

/** The order in which calls start, and the response to late ones. */
export interface CallOrder {
  /** Returns the organization of a call for the round robin; undefined for a call that bypasses the queue, such as a health check. */
  readonly organizationOf: (headers: IncomingHttpHeaders) => string | undefined;
  /** Responds to a call that has waited too long. */
  readonly refuse: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
}

/**
 * Returns the HTTP/2 server of grpc-js (1.14.7), to which, as to the stream of a call, it has no public access. Throws Error when
 * grpc-js no longer has the property.
 */
export function http2ServerOf(server: Server): Http2Server {
  const servers: unknown = Reflect.get(server, "http2Servers");
  const [http2Server] = servers instanceof Map ? (servers.keys() as Iterable<Http2Server>) : [];
  if (http2Server === undefined) throw new Error("grpc-js has no server of HTTP/2 where it had one");
  return http2Server;
}

/**
 * Reads the head of every call before grpc-js and starts calls through the queue. Returns a function that gives the head of the
 * call that starts now. A malformed deadline or one of more than 31 bits of milliseconds is removed, because grpc-js misreads it.
 * Throws Error when grpc-js no longer has the property.
 */
export function readCallHeads(server: Server, { organizationOf, refuse }: CallOrder): () => CallHead {
  const http2Server = http2ServerOf(server);
  let current: CallHead | undefined;
  const begun = http2Server.listeners("stream");
  const begin = ({ stream, headers, more }: NewCall) => {
    const { "grpc-encoding": encoding = "identity" } = headers;
    current = {
      stream,
      compressed: encoding !== "identity",
      readable: encodings.has(String(encoding)),
      timeout: takeRequestTimeout(headers, "grpc-timeout"),
    };
    for (const listener of begun) Reflect.apply(listener, http2Server, [stream, headers, ...more]);
  };
  const queue = createCallQueue<NewCall>({
    begin,
    refuse: ({ stream, headers }) => refuse(stream, headers),
    isGone: ({ stream }) => stream.closed || stream.destroyed,
  });
  http2Server.removeAllListeners("stream");
  http2Server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...more: unknown[]) => {
    const caller = organizationOf(headers);
    const call = { stream, headers, more };
    if (caller === undefined) begin(call);
    else queue.add(caller, call);
  });
  return () => {
    if (current === undefined) throw new Error("a call without a stream");
    return current;
  };
}
