import { describe, expect, test } from "vitest";
import { EnvReader } from "../../src/config/env-reader.ts";
import { readTelemetrySettings } from "../../src/telemetry/telemetry-settings.ts";

const off = { traces: false, metrics: undefined };
const pushed = { protocol: "http/protobuf", intervalMs: 60_000, timeoutMs: 30_000 };

function read(environment: Record<string, string>) {
  const env = new EnvReader(environment);
  return { settings: readTelemetrySettings(env), problems: env.problems };
}

describe("the OTEL_… variables", () => {
  test("without any of them nothing is exported, to localhost neither", () => {
    expect(read({})).toEqual({ settings: off, problems: [] });
    expect(read({ OTEL_SERVICE_NAME: "mine", OTEL_TRACES_SAMPLER: "always_on" }).settings).toEqual(off);
  });

  test.each<[Record<string, string>, object]>([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }, { traces: true, metrics: pushed }],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/v1/traces" }, { traces: true, metrics: undefined }],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "https://collector/v1/metrics" }, { traces: false, metrics: pushed }],
    [{ OTEL_TRACES_EXPORTER: "console" }, { traces: true, metrics: undefined }],
    [{ OTEL_METRICS_EXPORTER: "prometheus" }, off],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      { traces: true, metrics: { ...pushed, protocol: "grpc" } },
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318", OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "otlp" },
      { traces: false, metrics: pushed },
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318", OTEL_SDK_DISABLED: "true" }, off],
    [
      { OTEL_METRICS_EXPORTER: "otlp", OTEL_METRIC_EXPORT_INTERVAL: "1000" },
      { traces: false, metrics: { ...pushed, intervalMs: 1000, timeoutMs: 1000 } },
    ],
  ])("%j", (environment, settings) => {
    expect(read(environment)).toEqual({ settings, problems: [] });
  });

  test.each<[Record<string, string>, string]>([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, "OTEL_EXPORTER_OTLP_ENDPOINT"],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "thrift" }, "OTEL_EXPORTER_OTLP_PROTOCOL"],
    [{ OTEL_TRACES_EXPORTER: "jaeger" }, "OTEL_TRACES_EXPORTER"],
    [{ OTEL_TRACES_EXPORTER: "otlp,none" }, "OTEL_TRACES_EXPORTER"],
    [{ OTEL_METRICS_EXPORTER: "statsd" }, "OTEL_METRICS_EXPORTER"],
    [{ OTEL_TRACES_SAMPLER: "sometimes" }, "OTEL_TRACES_SAMPLER"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio" }, "OTEL_TRACES_SAMPLER_ARG"],
    [{ OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, "OTEL_TRACES_SAMPLER_ARG"],
    [{ OTEL_METRIC_EXPORT_INTERVAL: "soon" }, "OTEL_METRIC_EXPORT_INTERVAL"],
  ])("%j stops the start", (environment, name) => {
    expect(read(environment).problems).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
  });
});
