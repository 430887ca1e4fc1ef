import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import {
  type Attributes,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
} from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
} from "@opentelemetry/semantic-conventions";
import { readTraceContext, type TraceContext, traceContextOf } from "../telemetry/trace-context.ts";
import { type CallProtocol, originKey } from "./call/call-origin.ts";
import { callStatusOf } from "./call/call-status.ts";
import { onCallEnd } from "./call/on-call-end.ts";
import { requestIdKey } from "./request-id.ts";

/** The trace context of the running call: its own span, or without a tracer the context that the caller sent. */
export const traceKey: ContextKey<TraceContext | undefined> = createContextKey<TraceContext | undefined>(undefined, {
  description: "trace",
});

/** The OpenTelemetry names of the protocols (`rpc.system.name`). */
export const rpcSystems: Readonly<Record<CallProtocol, string>> = {
  grpc: "grpc",
  "grpc-web": "grpc",
  connect: "connectrpc",
  rest: "rest",
  mcp: "jsonrpc",
};

const headers: TextMapGetter<Headers> = {
  get: (carrier, name) => carrier.get(name) ?? undefined,
  keys: (carrier) => [...carrier.keys()],
};

/**
 * Creates a span for the call, as a child of the caller's trace context; it has nothing of a message, a header or the caller.
 * With `rejectedOnly` (default false) only a rejected call gets a span: an accepted one gets its own later.
 */
export function trace(tracer: Tracer | undefined, { rejectedOnly = false } = {}): Interceptor {
  return (next) => (request) => {
    const { contextValues: values, header, service, method } = request;
    if (tracer === undefined) {
      values.set(traceKey, readTraceContext(header));
      return next(request);
    }
    const name = `${service.typeName}/${method.name}`;
    const begin = (times: { startTime?: number } = {}): Span => {
      const protocol = values.get(originKey)?.protocol;
      const attributes: Attributes = {
        [ATTR_RPC_METHOD]: name,
        "connectory.request_id": values.get(requestIdKey),
        ...(protocol === undefined
          ? {}
          : { [ATTR_RPC_SYSTEM_NAME]: rpcSystems[protocol], "connectory.protocol": protocol }),
      };
      const parent = propagation.extract(ROOT_CONTEXT, header, headers);
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, ...times }, parent);
      values.set(traceKey, traceContextOf(span.spanContext()));
      return span;
    };
    const startTime = Date.now();
    const span = rejectedOnly ? undefined : begin();
    return onCallEnd(next, request, {
      onEnd: (error) => {
        if (span !== undefined) end(span, error);
        else if (error !== undefined) end(begin({ startTime }), error);
      },
    });
  };
}

function end(span: Span, error: unknown): void {
  const { code, reason, isServerError } = callStatusOf(error);
  span.setAttribute(ATTR_RPC_STATUS_CODE, code);
  if (error !== undefined) span.setAttribute(ATTR_ERROR_TYPE, code);
  if (reason !== undefined) span.setAttribute("connectory.reason", reason);
  if (isServerError) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
