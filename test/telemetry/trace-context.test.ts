import { describe, expect, test } from "vitest";
import { readTraceContext, spanContextOf, traceContextOf } from "../../src/telemetry/trace-context.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${spanId}-01`;
const read = (headers: Record<string, string>) => readTraceContext(new Headers(headers));

describe("a trace context", () => {
  test("is read when it is one", () => {
    expect(read({ traceparent })).toEqual({ traceparent });
    expect(read({ traceparent, tracestate: "a=1,b=2" })).toEqual({ traceparent, tracestate: "a=1,b=2" });
    expect(read({})).toBeUndefined();
    expect(read({ tracestate: "a=1" })).toBeUndefined();
  });

  test.each([
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}`,
    "nonsense",
  ])("%s is none", (broken) => {
    expect(read({ traceparent: broken })).toBeUndefined();
  });

  test("a state that is too long is left out, and the rest is kept", () => {
    expect(read({ traceparent, tracestate: `a=${"x".repeat(511)}` })).toEqual({ traceparent });
  });

  test("survives the way to a span and back", () => {
    for (const context of [{ traceparent }, { traceparent, tracestate: "a=1" }])
      expect(traceContextOf(spanContextOf(context))).toEqual(context);
    expect(spanContextOf({ traceparent })).toEqual({ traceId, spanId, traceFlags: 1 });
  });
});
