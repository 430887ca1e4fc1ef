import type { ServerResponse } from "node:http";
import { constants, Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import type { Metadata } from "@grpc/grpc-js";

/** Resets a stream of which the client has not taken everything. */
export function resetStream(stream: ServerHttp2Stream): void {
  if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
}

/** The same for an answer over HTTP; in HTTP/1.1 the connection goes with it. */
export function resetResponse(response: ServerResponse | Http2ServerResponse): void {
  if (response instanceof Http2ServerResponse) resetStream(response.stream);
  else if (!response.writableFinished) response.destroy();
}

/** grpc-js (1.14.7) does not show a handler its stream, but hands it the metadata that an interceptor has seen. */
const streams = new WeakMap<Metadata, ServerHttp2Stream>();

/** Remembers the stream of a call for its handler. */
export function keepStream(metadata: Metadata, stream: ServerHttp2Stream): void {
  streams.set(metadata, stream);
}

/** Resets the stream of a call that was kept. */
export function resetCall(metadata: Metadata): void {
  const stream = streams.get(metadata);
  if (stream !== undefined) resetStream(stream);
}
