import { createTraceState, type SpanContext, TraceFlags } from "@opentelemetry/api";

/** A trace context: the values of the W3C headers `traceparent` and `tracestate`. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** A valid `traceparent`: an id of zeros only is invalid, and so is version ff. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A `tracestate` of at most 512 characters, the length that every participant must support; a longer one is dropped. */
const tracestatePattern = /^[\x20-\x7e]{1,512}$/;

/** Returns the trace context of a caller; undefined when it is missing or malformed. */
export function readTraceContext(header: Pick<Headers, "get">): TraceContext | undefined {
  const traceparent = header.get("traceparent");
  if (traceparent === null || !traceparentPattern.test(traceparent)) return undefined;
  const tracestate = header.get("tracestate") ?? "";
  return tracestatePattern.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** Returns the trace context of a span, for propagation. */
export function traceContextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  const tracestate = traceState?.serialize() ?? "";
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}

/** Converts a trace context to a span context. */
export function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  return {
    traceId: traceIdOf({ traceparent }),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53), 16),
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

/** Returns the trace id, 32 hex digits. */
export function traceIdOf({ traceparent }: TraceContext): string {
  return traceparent.slice(3, 35);
}

/** Returns whether the trace is sampled. */
export function isSampled({ traceparent }: TraceContext): boolean {
  return (Number.parseInt(traceparent.slice(53), 16) & TraceFlags.SAMPLED) !== 0;
}
