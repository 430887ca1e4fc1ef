import { type IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import { drainThenClose } from "./drain-slowly.ts";

/** Bytes. A body of at most this length is read to its end, and the connection is kept. */
const shortBytes = 64 * 1024;

const closing = new WeakSet<Socket>();

/** Returns whether the last response on this connection is being sent: later requests on it are ignored. */
export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/**
 * An HTTP/1 response that closes the connection in the order of RFC 9112, 9.6, when it precedes the end of its request:
 * `connection: close`, the response, the end of the writing half; then the rest of the request is read for a while. Closing a
 * connection with unread bytes resets it, and the caller loses the response.
 */
export class EarlyClosingResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override writeHead(...head: unknown[]): this {
    if (!this.headersSent && isEarly(this.req)) this.#closeInOrder();
    return (super.writeHead as (...all: unknown[]) => this)(...head);
  }

  #closeInOrder(): void {
    const { req: request } = this;
    const { socket } = request;
    if (isShort(request)) {
      this.once("finish", () => discard(request));
      return;
    }
    this.shouldKeepAlive = false;
    // At the end of the response Node reads all of a request whose reading has not started.
    this.once("prefinish", () => request.read(0));
    closing.add(socket);
    const drain = () => drainThenClose(socket, request);
    socket.destroySoon = drain; // called by Node after the last response
  }
}

function isEarly({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0);
}

/** Returns whether the rest of the body is short and certain to arrive. A caller that waits for 100 Continue may send none. */
function isShort({ headers }: IncomingMessage): boolean {
  return headers.expect === undefined && Number(headers["content-length"] ?? Number.POSITIVE_INFINITY) <= shortBytes;
}

/** Discards the rest of a request whose reader, which may have paused it, has responded. */
function discard(request: IncomingMessage): void {
  request.removeAllListeners("data").resume();
}

/** The same for HTTP/2: RST_STREAM with NO_ERROR after the response asks the caller to send no more (RFC 9113, 8.1). */
export function resetWhenAnswered(request: Http2ServerRequest, { stream }: Http2ServerResponse): void {
  const reset = () => {
    if (!request.complete && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  // Node emits this event at the end of every response with trailers, even empty ones.
  stream.once("wantTrailers", () => setImmediate(reset));
}

/** Sends `100 Continue` at the first read of the body: a caller that is refused by its headers never sends the body. */
export function continueWhenRead(
  request: IncomingMessage | Http2ServerRequest,
  response: { readonly headersSent: boolean; writeContinue(): void },
): void {
  const read = request._read.bind(request);
  let asked = false;
  const continueThenRead = (size: number) => {
    if (!asked && !response.headersSent) response.writeContinue();
    asked = true;
    read(size);
  };
  request._read = continueThenRead;
}
