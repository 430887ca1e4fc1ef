import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { FastifyReply, FastifyRequest } from "fastify";
import { rejectForm } from "../http/http-protocol-errors.ts";

/** The content types of gRPC-Web and gRPC, and those of Connect. */
const grpc = /^application\/grpc(-web)?(\+(json|proto))?\s*(;|$)/i;
const connectUnary = /^application\/(json|proto)\s*(;|$)/i;
const connectStream = /^application\/connect\+(json|proto)\s*(;|$)/i;

/**
 * Rejects a request that is no call of Connect, gRPC-Web or gRPC at all: another HTTP method, or another content type. Connect's
 * handlers would answer with a status alone; their clients read no other code from it. Returns undefined for a call.
 */
export function rejectNoCall(
  method: DescMethod,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | undefined {
  const isUnary = method.methodKind === "unary";
  const isRead = isUnary && method.idempotency === Idempotency.NO_SIDE_EFFECTS;
  if (request.method === "GET" && isRead) return undefined;
  if (request.method !== "POST") {
    const allow = isRead ? "GET, POST" : "POST";
    const why = request.method === "GET" ? " because GET is for RPCs that only read" : "";
    return rejectForm(reply, "METHOD_NOT_ALLOWED", `${method.name} is called with ${allow}${why}`, { allow });
  }
  const type = request.headers["content-type"] ?? "";
  if (grpc.test(type) || (isUnary ? connectUnary : connectStream).test(type)) return undefined;
  const wanted = isUnary ? "application/json" : "application/connect+json";
  const given =
    type === "" ? "the request has no content-type" : "this content-type is not one of Connect, gRPC-Web or gRPC";
  const form = isUnary ? "a JSON object" : "a JSON object in an envelope";
  return rejectForm(
    reply,
    "CONTENT_TYPE_UNSUPPORTED",
    `${given}: send ${form} with the header content-type: ${wanted}`,
  );
}
