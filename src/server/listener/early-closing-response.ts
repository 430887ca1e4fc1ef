import { type IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import { drainThenClose } from "./drain-slowly.ts";

/** A body that is no longer is read to its end, and the connection is kept. */
const shortBytes = 64 * 1024;

const closing = new WeakSet<Socket>();

/** Whether the last answer on this connection is on its way: what else comes on it is not looked at. */
export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/**
 * A response of HTTP/1 that closes the connection in the order of RFC 9112, 9.6, when it comes before its request is whole:
 * `connection: close`, then the answer, then the writing half of the connection, and what the caller still sends is read for a
 * while. A connection that is closed with bytes unread is reset, and the caller loses the answer with it.
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
    // Node reads a request that nobody has begun to read at once, all of it.
    this.once("prefinish", () => request.read(0));
    closing.add(socket);
    const drain = () => drainThenClose(socket, request);
    socket.destroySoon = drain; // what Node calls after the last answer
  }
}

function isEarly({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0);
}

/** Whether the rest of it is as good as here. A caller who waits for 100 may send its body, or may not. */
function isShort({ headers }: IncomingMessage): boolean {
  return headers.expect === undefined && Number(headers["content-length"] ?? Number.POSITIVE_INFINITY) <= shortBytes;
}

/** Reads the rest for nobody: whoever listened to it, and may have paused it, has answered. */
function discard(request: IncomingMessage): void {
  request.removeAllListeners("data").resume();
}

/** The same for HTTP/2, where it is a frame: nothing more of the request, please (RFC 9113, 8.1). */
export function resetWhenAnswered(request: Http2ServerRequest, { stream }: Http2ServerResponse): void {
  const reset = () => {
    if (!request.complete && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  // Trailers are what an answer ends with, if only with none of them; Node sends them in this event.
  stream.once("wantTrailers", () => setImmediate(reset));
}

/**
 * Lets a caller who waits for `100 Continue` wait until its body is wanted: one that is refused by its headers never sends it.
 */
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
