import { constants, type ServerHttp2Stream } from "node:http2";

/** Milliseconds from the status to the reset. */
const flushMs = 1000;

/**
 * Resets, after 1 s, the stream of a refused caller that has not ended its request; an earlier reset would discard the unsent
 * status. Further bytes are dropped; grpc-js would collect and decompress them.
 */
export function resetAfterStatus(stream: ServerHttp2Stream): void {
  if (stream.closed) return;
  stream.removeAllListeners("data").resume();
  const late = setTimeout(() => {
    // A stream whose caller does not read never finishes.
    stream.close(stream.writableFinished ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
  }, flushMs);
  late.unref();
  stream.once("close", () => clearTimeout(late));
}
