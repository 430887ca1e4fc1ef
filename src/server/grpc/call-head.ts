import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { createCallQueue } from "../admission/call-queue.ts";
import { type TimeoutFault, takeRequestTimeout } from "../dispatch/request-timeout.ts";

/** What the HTTP/2 layer knows of a call when it begins. */
export interface CallHead {
  readonly stream: ServerHttp2Stream;
  /** Messages may be compressed. */
  readonly compressed: boolean;
  /** They can be read here: they are compressed in a way that grpc-js knows, or not at all. */
  readonly readable: boolean;
  /** What is wrong with the deadline: it cannot be read, or has passed. */
  readonly timeout: TimeoutFault | undefined;
}

/** Those that grpc-js knows. */
const encodings: ReadonlySet<string> = new Set(["identity", "gzip", "deflate"]);

/** A call that grpc-js does not know of yet. */
interface NewCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly more: readonly unknown[];
}

/** In which order calls are begun. */
export interface CallOrder {
  /** Whose share a call takes; undefined for one that waits for nobody, such as a health check. */
  readonly organizationOf: (headers: IncomingHttpHeaders) => string | undefined;
  /** Answers a call that has waited too long for its turn. */
  readonly refuse: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
}

/**
 * Reads the head of every call before grpc-js does, lets it begin in its turn, and answers with that of the call which begins
 * just now. grpc-js takes deadlines of more than 31 bits of milliseconds, and ill-formed ones in part, for others; so it gets
 * none of those.
 */
export function readCallHeads(server: Server, { organizationOf, refuse }: CallOrder): () => CallHead {
  // Neither the server of HTTP/2 nor a call's stream can be had from grpc-js (1.14.7) in another way.
  const servers: unknown = Reflect.get(server, "http2Servers");
  const [http2Server] = servers instanceof Map ? (servers.keys() as Iterable<Http2Server>) : [];
  if (http2Server === undefined) throw new Error("grpc-js has no server of HTTP/2 where it had one");
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
