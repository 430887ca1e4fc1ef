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

/** Something that happened in a trace, or did not: a caller, an event. */
export interface Traced {
  readonly traceparent?: string | null;
  readonly tracestate?: string | null;
}

/** So many links a span keeps at the most, by the default of the SDK; the parent is one more. */
const maxLinks = 128;

/**
 * Runs work as a span of those traces that it is done for. One span can have one parent: work for many is the child of the
 * first of them that is recorded, and linked to the others. Without any the work simply runs.
 *
 * Of an error the span gets its kind and never its message, which may quote what a caller sent.
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

/** A name of few letters for the kind of an error: the code that its library gave it, or its class. */
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
