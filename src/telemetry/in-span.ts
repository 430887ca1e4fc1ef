import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { ATTR_ERROR_TYPE } from "@opentelemetry/semantic-conventions";
import { isSampled, spanContextOf, type TraceContext } from "./trace-context.ts";

/** A caller or an event, with its trace context if it has one. */
export interface Traced {
  readonly traceparent?: string | null;
  readonly tracestate?: string | null;
}

/** The maximum links of a span, the SDK's default; the parent is one more. */
const maxLinks = 128;

/**
 * Runs work in a span of the traces that it is done for. A span has one parent: work for several traces is the child of the first
 * sampled one and linked to the others. Without a tracer or a sampled trace the work runs without a span. Returns or throws the
 * result of the work.
 *
 * A failed span has the type of the error, never its message, which may quote a caller's input.
 */
export async function inSpan<T>(
  tracer: Tracer | undefined,
  span: { readonly name: string; readonly kind: SpanKind; readonly attributes: Attributes },
  of: Iterable<Traced>,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  const [parent, ...others] = tracer === undefined ? [] : recorded(of);
  if (tracer === undefined || parent === undefined) return work(undefined);
  const { name, ...options } = span;
  const links = others.map((context) => ({ context: spanContextOf(context) }));
  const child = tracer.startSpan(
    name,
    { ...options, links },
    trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent)),
  );
  try {
    return await work(child);
  } catch (error) {
    child.setAttribute(ATTR_ERROR_TYPE, errorType(error));
    child.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    child.end();
  }
}

/**
 * Returns a short name for the type of an error: its code, else its class; `_OTHER` when neither is at most 40 letters, digits
 * and underscores.
 */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return "_OTHER";
  const code = "code" in error ? String(error.code) : error.name;
  return /^[A-Za-z0-9_]{1,40}$/.test(code) ? code : "_OTHER";
}

function recorded(of: Iterable<Traced>): TraceContext[] {
  const contexts = new Map<string, TraceContext>();
  for (const { traceparent, tracestate } of of) {
    if (typeof traceparent !== "string" || !isSampled({ traceparent })) continue;
    contexts.set(traceparent, { traceparent, ...(typeof tracestate === "string" ? { tracestate } : {}) });
    if (contexts.size > maxLinks) break;
  }
  return [...contexts.values()];
}
