import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";

/**
 * The body of a request as Connect reads it. Whoever stops half-way leaves the request as it is: Node would destroy it, and
 * the connection with it, before the answer is out. HTTP/2 ends a body that broke off like one that is whole.
 */
export async function* bodyOf(request: IncomingMessage | Http2ServerRequest): AsyncGenerator<Uint8Array> {
  yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  if (request.aborted) throw new ConnectError("the caller went away before its message was here", Code.Aborted);
}
