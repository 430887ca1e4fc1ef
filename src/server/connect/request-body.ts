import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";

/** Bytes of an envelope before its message: flags, and the length in four bytes. */
const headBytes = 5;
const enveloped = /^application\/(connect\+|grpc)/;

/**
 * Yields the body of a request for Connect. An early end of the iteration leaves the request open: Node would destroy it, and the
 * connection, before the response is sent. Throws ConnectError ABORTED for a truncated body, which HTTP/2 ends like a complete
 * one, and INVALID_ARGUMENT for an envelope without its message.
 */
export async function* readRequestBody(request: IncomingMessage | Http2ServerRequest): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - length)]);
    length += chunk.length;
    yield chunk;
  }
  if (request.aborted) throw new ConnectError("the caller went away before its message was here", Code.Aborted);
  // Connect ignores an envelope whose message is missing completely.
  if (enveloped.test(request.headers["content-type"] ?? "") && length === headBytes && head.readUInt32BE(1) > 0)
    throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
}
