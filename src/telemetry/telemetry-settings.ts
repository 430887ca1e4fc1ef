import type { EnvReader } from "../config/env-reader.ts";

/** The transports of OTLP. */
export type OtlpProtocol = (typeof protocols)[number];

/** The exporters to start. Metrics for Prometheus are always available. */
export interface TelemetrySettings {
  /** Whether spans are exported. The SDK reads the endpoint, the protocol and the sampler from the environment. */
  readonly traces: boolean;
  /** The settings for pushing metrics over OTLP, times in milliseconds; undefined when they are not pushed. */
  readonly metrics:
    | { readonly protocol: OtlpProtocol; readonly intervalMs: number; readonly timeoutMs: number }
    | undefined;
}

const protocols = ["grpc", "http/protobuf", "http/json"] as const;
const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/**
 * Reads the OpenTelemetry variables that decide what is started; the SDK reads the others itself. Unlike in the SDK, nothing is
 * exported to localhost by default: an exporter runs when an endpoint or an exporter is named. Defaults: `http/protobuf`, an
 * interval of 60 s, a timeout of 30 s (at most the interval), sampler `parentbased_always_on`. Problems are reported to `env`.
 */
export function readTelemetrySettings(env: EnvReader): TelemetrySettings {
  const shared = isEndpoint(env, "OTEL_EXPORTER_OTLP_ENDPOINT");
  const traces = exporters(env, "OTEL_TRACES_EXPORTER", ["otlp", "console", "zipkin", "none"]);
  const metrics = exporters(env, "OTEL_METRICS_EXPORTER", ["otlp", "prometheus", "none"]);
  const exportTraces = traces ?? (isEndpoint(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || shared ? ["otlp"] : []);
  const exportMetrics = metrics ?? (isEndpoint(env, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") || shared ? ["otlp"] : []);
  const protocol = env.oneOf("OTEL_EXPORTER_OTLP_PROTOCOL", protocols, "http/protobuf");
  env.oneOf("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocols, protocol);
  checkSampler(env);
  const intervalMs = env.integer("OTEL_METRIC_EXPORT_INTERVAL", 60_000, 100, 3_600_000);
  const pushed = {
    protocol: env.oneOf("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", protocols, protocol),
    intervalMs,
    timeoutMs: Math.min(env.integer("OTEL_METRIC_EXPORT_TIMEOUT", 30_000, 100, 3_600_000), intervalMs),
  };
  const disabled = env.oneOf("OTEL_SDK_DISABLED", ["true", "false"], "false") === "true";
  return {
    traces: !disabled && exportTraces.some((name) => name !== "none"),
    metrics: !disabled && exportMetrics.includes("otlp") ? pushed : undefined,
  };
}

function exporters(env: EnvReader, name: `OTEL_${string}`, known: readonly string[]): string[] | undefined {
  const names = env.list(name);
  if (names.some((one) => !known.includes(one)) || (names.length > 1 && names.includes("none")))
    env.problem(name, `must be one of ${known.join(", ")}, or some of them with commas in between`);
  return names.length === 0 ? undefined : names;
}

function isEndpoint(env: EnvReader, name: `OTEL_${string}`): boolean {
  return env.url(name, ["http:", "https:"]) !== undefined;
}

function checkSampler(env: EnvReader): void {
  const sampler = env.oneOf("OTEL_TRACES_SAMPLER", samplers, "parentbased_always_on");
  const ratio = env.text("OTEL_TRACES_SAMPLER_ARG");
  if (sampler.endsWith("traceidratio") && !(ratio !== undefined && Number(ratio) >= 0 && Number(ratio) <= 1))
    env.problem("OTEL_TRACES_SAMPLER_ARG", `must be a number from 0 to 1, because OTEL_TRACES_SAMPLER is ${sampler}`);
}
