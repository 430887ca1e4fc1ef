import type { Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import { HttpError } from "../problem-details/http-error.ts";
import { type Problem, toProblemDetails } from "../problem-details/problem-details.ts";

/** A problem detail for a request that reaches no protocol. */
function problemOf(...refusal: ConstructorParameters<typeof HttpError>): Problem {
  const call = { requestId: ensureRequestId(null), target: undefined, wrapped: false, conditional: false };
  return toProblemDetails(new HttpError(...refusal), call);
}

const type = "application/problem+json; charset=utf-8";

function send(reply: FastifyReply, { status, body }: Problem): FastifyReply {
  const headers = { "content-type": type, "x-content-type-options": "nosniff", [requestIdHeader]: body.requestId };
  return reply.code(status).headers(headers).send(JSON.stringify(body));
}

/** For Fastify's `frameworkErrors`: a URL that cannot be decoded. What it says of it by itself would repeat the URL. */
export function rejectBrokenUrl(_error: Error, _request: unknown, reply: FastifyReply): void {
  void send(reply, problemOf("PATH_MALFORMED", "the path is not percent-encoded UTF-8"));
}

/** For Fastify's not-found handler: a path of no protocol. */
export function rejectUnknownPath(_request: unknown, reply: FastifyReply): FastifyReply {
  return send(reply, problemOf("PATH_UNKNOWN", "there is nothing at this path"));
}

/** For gRPC that is not in HTTP/2: its status could not be sent, and its clients wait for one. */
export function rejectGrpcOverHttp1(reply: FastifyReply): FastifyReply {
  return send(reply, problemOf("CONTENT_TYPE_UNSUPPORTED", "gRPC needs HTTP/2, and this connection is HTTP/1.1"));
}

const headersTooLarge = ["HEADERS_TOO_LARGE", "the headers are too large"] as const;

/** For a request of HTTP/2; Node finds out for HTTP/1.1. */
export function rejectLargeHeaders(response: Http2ServerResponse): void {
  const { status, body } = problemOf(...headersTooLarge);
  response.writeHead(status, { "content-type": type, [requestIdHeader]: body.requestId });
  response.end(JSON.stringify(body));
}

/** For Fastify's `clientErrorHandler`: bytes that are no HTTP request, or one that takes for ever. */
export function rejectBrokenHttp({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = problemOf(...brokenBy(code));
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${body.title}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

function brokenBy(code: string | undefined): ConstructorParameters<typeof HttpError> {
  if (code === "HPE_HEADER_OVERFLOW") return [...headersTooLarge];
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return ["REQUEST_TOO_SLOW", "the request took too long to arrive"];
  return ["REQUEST_MALFORMED", "this is not an HTTP request that can be read"];
}
