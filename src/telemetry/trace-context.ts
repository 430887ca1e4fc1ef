import { createTraceState, type SpanContext, TraceFlags } from "@opentelemetry/api";

/** A place in a trace, as it travels: the values of the W3C headers `traceparent` and `tracestate`. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Ids of nothing but zeros are none, and version ff is not a version. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What any participant must be able to take; longer ones may be dropped, and here they are. */
const tracestatePattern = /^[\x20-\x7e]{1,512}$/;

/** The trace context of a caller; undefined when it sent none, or none that can be read. */
export function readTraceContext(header: Pick<Headers, "get">): TraceContext | undefined {
  const traceparent = header.get("traceparent");
  if (traceparent === null || !traceparentPattern.test(traceparent)) return undefined;
  const tracestate = header.get("tracestate") ?? "";
  return tracestatePattern.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The trace context that others get of a span of ours. */
export function traceContextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  const tracestate = traceState?.serialize() ?? "";
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}

/** The other way round, for a span that belongs to it. */
export function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  return {
    traceId: traceIdOf({ traceparent }),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53), 16),
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

export function traceIdOf({ traceparent }: TraceContext): string {
  return traceparent.slice(3, 35);
}

/** Whether whoever began the trace wants it recorded. */
export function isSampled({ traceparent }: TraceContext): boolean {
  return (Number.parseInt(traceparent.slice(53), 16) & TraceFlags.SAMPLED) !== 0;
}
