import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { FastifyReply, FastifyRequest } from "fastify";

/** The content types of Connect, gRPC-Web and gRPC. */
const unary = /^application\/(json|proto)\s*(;|$)/i;
const enveloped = /^application\/(connect\+(json|proto)|grpc(-web)?(\+(json|proto))?)\s*(;|$)/i;

/**
 * Rejects a request that is no call of Connect, gRPC-Web or gRPC at all: another HTTP method, or another content type. Connect's
 * handlers would answer with a status alone. Returns undefined for a call.
 */
export function rejectForm(method: DescMethod, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  const isRead = method.methodKind === "unary" && method.idempotency === Idempotency.NO_SIDE_EFFECTS;
  if (request.method === "GET" && isRead) return undefined;
  if (request.method !== "POST") {
    const allow = isRead ? "GET, POST" : "POST";
    const why = request.method === "GET" ? " because GET is for RPCs that only read" : "";
    return reject(reply.header("allow", allow), 405, "unimplemented", `${method.name} is called with ${allow}${why}`);
  }
  const type = request.headers["content-type"] ?? "";
  if (enveloped.test(type) || (method.methodKind === "unary" && unary.test(type))) return undefined;
  const wanted = method.methodKind === "unary" ? "application/json" : "application/connect+json";
  const given =
    type === "" ? "the request has no content-type" : "this content-type is not one of Connect, gRPC-Web or gRPC";
  const form = method.methodKind === "unary" ? "a JSON object" : "a JSON object in an envelope";
  return reject(reply, 415, "invalid_argument", `${given}: send ${form} with the header content-type: ${wanted}`);
}

/** Sends an error in the form of Connect. */
function reject(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).header("content-type", "application/json").send(JSON.stringify({ code, message }));
}
