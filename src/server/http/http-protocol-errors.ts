import type { Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import { HttpError } from "../problem-details/http-error.ts";
import { type Problem, toProblemDetails } from "../problem-details/problem-details.ts";

/** Makes the problem detail for a request that reaches no protocol. */
function problemOf(...refusal: ConstructorParameters<typeof HttpError>): Problem {
  const call = { requestId: ensureRequestId(null), target: undefined, wrapped: false, conditional: false };
  return toProblemDetails(new HttpError(...refusal), call);
}

const type = "application/problem+json; charset=utf-8";

function send(reply: FastifyReply, { status, body }: Problem): FastifyReply {
  const headers = { "content-type": type, "x-content-type-options": "nosniff", [requestIdHeader]: body.requestId };
  return reply.code(status).headers(headers).send(JSON.stringify(body));
}

/** For Fastify's `frameworkErrors`: a URL that cannot be decoded. Fastify's own message would repeat the URL. */
export function rejectBrokenUrl(_error: Error, _request: unknown, reply: FastifyReply): void {
  void send(reply, problemOf("PATH_MALFORMED", "the path is not percent-encoded UTF-8"));
}

/** For Fastify's not-found handler: a path that no protocol serves. */
export function rejectUnknownPath(_request: unknown, reply: FastifyReply): FastifyReply {
  return send(reply, problemOf("PATH_UNKNOWN", "there is nothing at this path"));
}

/** For gRPC over HTTP/1.1, where its clients could not receive a status in trailers. */
export function rejectGrpcOverHttp1(reply: FastifyReply): FastifyReply {
  return send(reply, problemOf("CONTENT_TYPE_UNSUPPORTED", "gRPC needs HTTP/2, and this connection is HTTP/1.1"));
}

const headersTooLarge = ["HEADERS_TOO_LARGE", "the headers are too large"] as const;

/** Rejects an HTTP/2 request whose headers are too large; Node itself rejects those of HTTP/1.1. */
export function rejectLargeHeaders(response: Http2ServerResponse): void {
  const { status, body } = problemOf(...headersTooLarge);
  response.writeHead(status, { "content-type": type, [requestIdHeader]: body.requestId });
  response.end(JSON.stringify(body));
}

/** For Fastify's `clientErrorHandler`: bytes that are not an HTTP request, or a request that exceeds its timeout. */
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
