import type { ServerResponse } from "node:http";
import { constants, Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { Metadata } from "@grpc/grpc-js";

/** Resets a stream that is still open, with CANCEL; unsent data is lost. */
export function resetStream(stream: ServerHttp2Stream): void {
  if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
}

/** The same for an HTTP response; over HTTP/1.1 it closes the connection. */
export function resetResponse(response: ServerResponse | Http2ServerResponse): void {
  if (response instanceof Http2ServerResponse) resetStream(response.stream);
  else if (!response.writableFinished) response.destroy();
}

/** The streams by metadata: grpc-js (1.14.7) gives a handler no stream, but the same metadata object as an interceptor. */
const streams = new WeakMap<Metadata, ServerHttp2Stream>();

/** Stores the stream of a call for its handler. */
export function keepStream(metadata: Metadata, stream: ServerHttp2Stream): void {
  streams.set(metadata, stream);
}

/** Resets the stream that `keepStream` stored for the call, if any. */
export function resetCall(metadata: Metadata): void {
  const stream = streams.get(metadata);
  if (stream !== undefined) resetStream(stream);
}
