import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";

/** Of an envelope, ahead of its message: flags, and the length in four bytes. */
const headBytes = 5;
const enveloped = /^application\/(connect\+|grpc)/;

/**
 * The body of a request as Connect reads it. Whoever stops half-way leaves the request as it is: Node would destroy it, and
 * the connection with it, before the answer is out. HTTP/2 ends a body that broke off like one that is whole.
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
  // Connect takes an envelope without any of its bytes for none.
  if (enveloped.test(request.headers["content-type"] ?? "") && length === headBytes && head.readUInt32BE(1) > 0)
    throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
}
