import { setTimeout as sleep } from "node:timers/promises";
import { create, type Message } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Route } from "../../src/server/dispatch/route.ts";
import type { ConformanceSchema, Header, ServerStreamRequest, UnaryRequest } from "./conformance-schema.ts";

/** Errors that the suite asked for: a server sends them as they are. */
const requested = new WeakSet<object>();

export function isRequested(error: unknown): boolean {
  return error instanceof ConnectError && requested.has(error);
}

/**
 * The suite's service, of which the service has unary calls and streams of answers: each call says itself what it is
 * to be answered, and gets back how it arrived.
 */
export function conformanceRoutes(schema: ConformanceSchema): Route[] {
  const info = schema.message("ConformancePayload.RequestInfo");

  async function unary(request: Message, context: HandlerContext) {
    const { responseDefinition: definition } = request as Message & UnaryRequest;
    const requestInfo = describeRequest(request, context);
    setMetadata(context, definition);
    await sleep(definition?.responseDelayMs ?? 0);
    const response = definition?.response;
    if (response?.case === "error") throw toError(response.value, requestInfo);
    return { payload: { requestInfo, ...(response?.case === "responseData" ? { data: response.value } : {}) } };
  }

  async function* serverStream(request: Message, context: HandlerContext) {
    const { responseDefinition: definition } = request as Message & ServerStreamRequest;
    const requestInfo = describeRequest(request, context);
    setMetadata(context, definition);
    for (const [index, data] of (definition?.responseData ?? []).entries()) {
      await sleep(definition?.responseDelayMs ?? 0);
      context.signal.throwIfAborted();
      yield { payload: index === 0 ? { data, requestInfo } : { data } };
    }
    if (definition?.error === undefined) return;
    throw toError(definition.error, definition.responseData.length === 0 ? requestInfo : undefined);
  }

  function describeRequest(
    request: Message,
    { requestHeader, requestMethod, timeoutMs, url }: HandlerContext,
  ): Message {
    const query = [...new URL(url).searchParams].map(([name, value]) => ({ name, value: [value] }));
    const timeLeft = timeoutMs();
    return create(info, {
      requestHeaders: [...requestHeader].map(([name, value]) => ({ name, value: value.split(", ") })),
      requests: [pack(schema, request)],
      ...(timeLeft === undefined ? {} : { timeoutMs: BigInt(Math.ceil(timeLeft)) }),
      ...(requestMethod === "GET" ? { connectGetInfo: { queryParams: query } } : {}),
    });
  }

  function toError(
    error: { code: number; message?: string; details: readonly Any[] },
    requestInfo: Message | undefined,
  ): ConnectError {
    const failure = new ConnectError(error.message ?? "", error.code);
    const details = requestInfo === undefined ? error.details : [...error.details, pack(schema, requestInfo)];
    failure.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.replace(/^.*\//, ""), value }));
    requested.add(failure);
    return failure;
  }

  return [
    { kind: "unary", method: schema.method("Unary"), implementation: unary },
    { kind: "unary", method: schema.method("IdempotentUnary"), implementation: unary },
    { kind: "server_streaming", method: schema.method("ServerStream"), implementation: serverStream },
  ] as unknown as Route[];
}

function pack({ registry }: ConformanceSchema, message: Message): Any {
  const schema = registry.getMessage(message.$typeName);
  if (schema === undefined) throw new Error(`the suite has no ${message.$typeName}`);
  return anyPack(schema, message);
}

function setMetadata(
  { responseHeader, responseTrailer }: HandlerContext,
  definition: { responseHeaders: readonly Header[]; responseTrailers: readonly Header[] } | undefined,
): void {
  for (const { name, value } of definition?.responseHeaders ?? [])
    for (const one of value) responseHeader.append(name, one);
  for (const { name, value } of definition?.responseTrailers ?? [])
    for (const one of value) responseTrailer.append(name, one);
}
