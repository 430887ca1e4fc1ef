import { constants, type ServerHttp2Stream } from "node:http2";

/** How long a status may take to be sent, in milliseconds. */
const flushMs = 1000;

/**
 * Tells a caller who was refused and has not ended the request that nobody reads it. Not at once: a reset takes what is
 * not sent yet, the status included, along. What still comes is dropped; grpc-js would go on to gather and to decompress it.
 */
export function resetAfterStatus(stream: ServerHttp2Stream): void {
  if (stream.closed) return;
  stream.removeAllListeners("data").resume();
  const late = setTimeout(() => {
    // What the caller does not read never finishes.
    stream.close(stream.writableFinished ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
  }, flushMs);
  late.unref();
  stream.once("close", () => clearTimeout(late));
}
