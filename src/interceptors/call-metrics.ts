import type { DescMethod } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { Attributes, Meter } from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
  METRIC_RPC_SERVER_CALL_DURATION,
} from "@opentelemetry/semantic-conventions";
import { type CallProtocol, originKey } from "./call/call-origin.ts";
import { callStatusOf } from "./call/call-status.ts";
import { onCallEnd } from "./call/on-call-end.ts";
import { rpcSystems } from "./trace.ts";

/** Histogram buckets in seconds: those of the OpenTelemetry convention and two below them, because most calls take less than its first. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The calls of a method by one protocol. */
interface Series {
  readonly labels: Attributes;
  inFlight: number;
  /** Labels by status code, created once: a call costs two look-ups. */
  readonly ended: Map<string, Attributes>;
}

/** Measures the number and duration of calls and the number in flight. */
export interface CallMetrics {
  readonly interceptor: Interceptor;
  /** For the chain before the call: measures rejected calls only. */
  readonly rejectedOnly: Interceptor;
}

/** Creates the instruments. Label values are names of the contract; none comes from a caller. */
export function measureCalls(meter: Meter): CallMetrics {
  const duration = meter.createHistogram(METRIC_RPC_SERVER_CALL_DURATION, {
    unit: "s",
    description: "How long calls took; of streams, how long they were open",
    advice: { explicitBucketBoundaries: buckets },
  });
  const all = new Map<DescMethod, Map<CallProtocol | undefined, Series>>();
  const seriesOf = (method: DescMethod, protocol: CallProtocol | undefined): Series => {
    const byProtocol = all.get(method) ?? new Map<CallProtocol | undefined, Series>();
    if (byProtocol.size === 0) all.set(method, byProtocol);
    const known = byProtocol.get(protocol);
    if (known !== undefined) return known;
    const labels = {
      [ATTR_RPC_METHOD]: `${method.parent.typeName}/${method.name}`,
      ...(protocol === undefined
        ? {}
        : { [ATTR_RPC_SYSTEM_NAME]: rpcSystems[protocol], "connectory.protocol": protocol }),
    };
    const series = { labels, inFlight: 0, ended: new Map<string, Attributes>() };
    byProtocol.set(protocol, series);
    return series;
  };
  const record = (series: Series, began: number, error: unknown) => {
    const { code } = callStatusOf(error);
    let labels = series.ended.get(code);
    if (labels === undefined) {
      labels = {
        ...series.labels,
        [ATTR_RPC_STATUS_CODE]: code,
        ...(code === "OK" ? {} : { [ATTR_ERROR_TYPE]: code }),
      };
      series.ended.set(code, labels);
    }
    duration.record((performance.now() - began) / 1000, labels);
  };

  meter
    .createObservableUpDownCounter("connectory.calls.in_flight", { unit: "{call}", description: "Calls that run now" })
    .addCallback((result) => {
      for (const byProtocol of all.values())
        for (const { inFlight, labels } of byProtocol.values()) result.observe(inFlight, labels);
    });

  return {
    interceptor: (next) => (request) => {
      const series = seriesOf(request.method, request.contextValues.get(originKey)?.protocol);
      const began = performance.now();
      series.inFlight += 1;
      return onCallEnd(next, request, {
        onEnd: (error) => {
          series.inFlight -= 1;
          record(series, began, error);
        },
      });
    },
    rejectedOnly: (next) => (request) => {
      const began = performance.now();
      return onCallEnd(next, request, {
        onEnd: (error) => {
          if (error === undefined) return;
          record(seriesOf(request.method, request.contextValues.get(originKey)?.protocol), began, error);
        },
      });
    },
  };
}
