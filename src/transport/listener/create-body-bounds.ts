import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { networkOf } from "../connection-limits.ts";

/** How many bytes may be held of bodies whose requests are not answered. */
export interface BodyLimits {
  readonly total: number;
  /** Of one address, or of one /64 network of IPv6. */
  readonly perAddress: number;
}

/** Counts the body of a request until it is answered. */
export type BoundBody = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** Of each body, what is not counted: the number of requests bounds it. */
const freeBytes = 65_536;

/**
 * Bodies are gathered before they are read, and a caller may open any number of requests and end none. One that passes a limit
 * is ended: a stream of HTTP/2 with ENHANCE_YOUR_CALM, which gRPC calls RESOURCE_EXHAUSTED, in HTTP/1.1 the connection.
 */
export function createBodyBounds({ total, perAddress }: BodyLimits): BoundBody {
  const ofAddresses = new Map<string, number>();
  let all = 0;
  return (request, response) => {
    const address = networkOf(request.socket.remoteAddress ?? "");
    let length = 0;
    let counted = 0;
    const count = (bytes: number) => {
      const ofAddress = (ofAddresses.get(address) ?? 0) + bytes - counted;
      all += bytes - counted;
      counted = bytes;
      if (ofAddress === 0) ofAddresses.delete(address);
      else ofAddresses.set(address, ofAddress);
      return all <= total && ofAddress <= perAddress;
    };
    const push = request.push.bind(request);
    const pushCounted = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
      if (chunk !== null && !response.writableEnded) {
        length += chunk.length;
        if (length > freeBytes && !count(length - freeBytes)) {
          end(request);
          return false;
        }
      }
      return push(chunk, encoding);
    };
    request.push = pushCounted;
    response.once("close", () => count(0));
    response.once("finish", () => count(0));
  };
}

function end(request: IncomingMessage | Http2ServerRequest): void {
  if ("stream" in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  else request.socket.destroy();
}
