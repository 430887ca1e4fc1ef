import type { JsonObject, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { Interceptor } from "@connectrpc/connect";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { createInvokeUnary } from "../dispatch/invoke-unary.ts";
import type { Route } from "../dispatch/route.ts";
import type { RejectMember } from "../json/normalize-json.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { untilAborted } from "./request/call-deadline.ts";
import { readBody } from "./request/read-body.ts";
import { readRequest } from "./request/read-request.ts";
import { type RestCall, valuesOf } from "./request/rest-call.ts";
import { isKnownTo, readIfMatch, resourceEtag } from "./response/etag.ts";
import { shapeResponse } from "./response/response-shape.ts";
import { toFormBody } from "./web-form/arroyo-web-form.ts";
import { askForWhole, completeList } from "./web-form/whole-list.ts";

/** The settings of handlers. */
export interface UnaryOptions {
  readonly interceptors: readonly Interceptor[];
  /** The maximum size of a request in bytes. */
  readonly maxMessageBytes: number;
  readonly appVersion: string;
  readonly rejectMember: RejectMember;
}

/** Responds to a call; rejects with a ConnectError, an ApiError or an HttpError. */
export type UnaryResult = (call: RestCall, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** Creates the handler of a unary RPC. */
export function handleUnary(route: Extract<Route, { kind: "unary" }>, options: UnaryOptions): UnaryResult {
  const { method } = route;
  const invoke = createInvokeUnary(method, route.implementation, options.interceptors);
  const maxBytes = maxRequestBytes(method.input, options.maxMessageBytes);
  const isRead = method.idempotency === Idempotency.NO_SIDE_EFFECTS;

  return async (call, request, reply) => {
    const body = await readBody(request.raw, maxBytes);
    const values = valuesOf(call);
    const { header, lifetime } = call;
    let readPages: ((first: Message) => Promise<void>) | undefined;
    const decode = () => {
      const message = readRequest(call, body, options.rejectMember);
      if (call.forForms && askForWhole(message))
        readPages = (first) =>
          completeList(message, first, async (next) => (await invoke({ ...pageCall, decode: () => next })).message);
      return message;
    };
    const pageCall = { ...lifetime, header, values: valuesOf(call) };
    const outcome = await untilAborted(invoke({ ...lifetime, decode, header, values }), lifetime.signal);
    if (readPages !== undefined) await untilAborted(readPages(outcome.message), lifetime.signal);
    for (const [name, value] of outcome.header) reply.header(name, value);
    const { userId, sessionId } = values.get(principalKey);
    const { form } = call.target;
    const answer = shapeResponse(form, method.output, outcome.message, {
      elapsedMs: Math.round(performance.now() - call.arrived),
      ssoTime: Math.round(call.ssoTime),
      userId,
      sessionId,
      requestId: call.requestId,
      method: request.method,
      appVersion: options.appVersion,
    });
    const tag = resourceEtag(answer.resource);
    if (tag !== undefined) {
      reply.header("etag", tag);
      if (isRead) checkMatch(call, tag);
      if (isRead) reply.header("cache-control", "private, no-cache");
      const known = call.header.get("if-none-match");
      if (isRead && known !== null && isKnownTo(known, tag)) return reply.code(304).send();
    }
    const { reshape = (json: JsonObject) => (call.forForms ? toFormBody(form, json) : json) } = call.target;
    const text = JSON.stringify(reshape(answer.body));
    reply.code(form.status).header("content-type", "application/json; charset=utf-8");
    reply.compress(text);
    return reply;
  };
}

/** Checks `If-Match` of a read, whose request has no field for it. Throws ApiError ETAG_MISMATCH. */
function checkMatch({ header }: RestCall, tag: string): void {
  const wanted = header.get("if-match");
  const etag = wanted === null ? undefined : readIfMatch(wanted);
  if (etag !== undefined && !tag.startsWith(`"${etag}.`))
    throw new ApiError(ErrorReason.ETAG_MISMATCH, "If-Match: there is another state now");
}
