import type { Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import { HttpError } from "../problem-details/http-error.ts";
import { type Problem, toProblemDetails } from "../problem-details/problem-details.ts";
import type { DescribeUnknownPath } from "./describe-unknown-paths.ts";

/** Makes the problem detail for a request that reaches no protocol. `hasError`: see `FailedCall`. */
function problemOf(refusal: ConstructorParameters<typeof HttpError>, hasError = false): Problem {
  const call = { requestId: ensureRequestId(null), target: undefined, wrapped: false, conditional: false, hasError };
  return toProblemDetails(new HttpError(...refusal), call);
}

/** Returns whether a URL is one of web forms. */
export function isFormUrl(url: string | undefined): boolean {
  return /^\/api(?:[/?]|$)/.test(url ?? "");
}

const type = "application/problem+json; charset=utf-8";

function headersOf({ body }: Problem) {
  return { "content-type": type, "x-content-type-options": "nosniff", [requestIdHeader]: body.requestId };
}

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).headers(headersOf(problem)).send(JSON.stringify(problem.body));
}

/** For Fastify's `frameworkErrors`: a URL that cannot be decoded. Fastify's own message would repeat the URL. */
export function rejectBrokenUrl(_error: Error, { raw }: FastifyRequest, reply: FastifyReply): void {
  void send(reply, problemOf(["PATH_MALFORMED", "the path is not percent-encoded UTF-8"], isFormUrl(raw.url)));
}

/** Returns Fastify's not-found handler, for a path that no protocol serves. */
export function rejectUnknownPaths(describe: DescribeUnknownPath) {
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    send(reply, problemOf(["PATH_UNKNOWN", describe(request.raw.url ?? "")]));
}

/** For a request of another form than its path takes: the HTTP method, or the content type. */
export function rejectForm(reply: FastifyReply, ...error: ConstructorParameters<typeof HttpError>): FastifyReply {
  const problem = problemOf(error);
  return send(reply.headers(problem.headers), problem);
}

/** For gRPC over HTTP/1.1, where its clients could not receive a status in trailers. */
export function rejectGrpcOverHttp1(reply: FastifyReply): FastifyReply {
  return send(reply, problemOf(["CONTENT_TYPE_UNSUPPORTED", "gRPC needs HTTP/2, and this connection is HTTP/1.1"]));
}

const headersTooLarge = ["HEADERS_TOO_LARGE", "the headers are too large"] as const;

/** Rejects an HTTP/2 request whose headers are too large; Node itself rejects those of HTTP/1.1. */
export function rejectLargeHeaders(response: Http2ServerResponse): void {
  const problem = problemOf([...headersTooLarge]);
  response.writeHead(problem.status, headersOf(problem));
  response.end(JSON.stringify(problem.body));
}

/** For Fastify's `clientErrorHandler`: bytes that are not an HTTP request, or a request that exceeds its timeout. */
export function rejectBrokenHttp({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(brokenBy(code));
  const text = JSON.stringify(problem.body);
  const headers = { ...headersOf(problem), "content-length": Buffer.byteLength(text), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${problem.status} ${problem.body.title}`, ...lines, "", text].join("\r\n"));
}

function brokenBy(code: string | undefined): ConstructorParameters<typeof HttpError> {
  if (code === "HPE_HEADER_OVERFLOW") return [...headersTooLarge];
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return ["REQUEST_TOO_SLOW", "the request took too long to arrive"];
  return ["REQUEST_MALFORMED", "this is not an HTTP request that can be read"];
}
