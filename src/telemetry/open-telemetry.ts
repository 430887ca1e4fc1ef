import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { detectResources, envDetector, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { type IMetricReader, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import type { Logger } from "pino";
import { logDiagnostics } from "./log-diagnostics.ts";
import { openTracing } from "./open-tracing.ts";
import { measureProcess } from "./process-metrics.ts";
import type { Telemetry } from "./telemetry.ts";
import type { OtlpProtocol, TelemetrySettings } from "./telemetry-settings.ts";

/** The telemetry of the process: traces, metrics and their exporters. */
export interface OpenTelemetry extends Telemetry {
  /** Returns all current metrics in the text format of Prometheus. */
  readMetrics(): Promise<string>;
  /** Exports the remaining data, for at most 3 s, and ends. */
  stop(): Promise<void>;
}

/** The settings of exporters, and the name and version of the service. */
export interface TelemetryOptions extends TelemetrySettings {
  readonly name: string;
  readonly version: string;
  readonly log: Logger;
}

/** Milliseconds. */
const stopMs = 3000;

/** Starts the exporters of the settings and the metrics of the process. Prometheus metrics are always available. */
export async function openTelemetry(options: TelemetryOptions): Promise<OpenTelemetry> {
  const { name: scope, traces, metrics } = options;
  const resource = describeService(options);
  const tracing = traces ? await openTracing(resource, scope) : undefined;
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const readers = metrics === undefined ? [prometheus] : [prometheus, await openPush(metrics)];
  logDiagnostics(options.log);
  const provider = new MeterProvider({ resource, readers });
  const meter = provider.getMeter(scope);
  const stopObserving = measureProcess(meter);
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return {
    tracer: tracing?.tracer,
    meter,
    readMetrics: async () => serializer.serialize((await prometheus.collect()).resourceMetrics),
    stop: async () => {
      stopObserving();
      const flushed = Promise.allSettled([tracing?.stop(), provider.shutdown()]);
      await Promise.race([flushed, sleep(stopMs, undefined, { ref: false })]);
    },
  };
}

/** Describes the service; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence. */
function describeService({ name, version }: TelemetryOptions): Resource {
  return resourceFromAttributes({
    [ATTR_SERVICE_NAME]: name,
    [ATTR_SERVICE_VERSION]: version,
    [ATTR_SERVICE_INSTANCE_ID]: randomUUID(),
  }).merge(detectResources({ detectors: [envDetector] }));
}

async function openPush(settings: NonNullable<TelemetrySettings["metrics"]>): Promise<IMetricReader> {
  const { OTLPMetricExporter } = await loadExporter(settings.protocol);
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: settings.intervalMs,
    exportTimeoutMillis: settings.timeoutMs,
  });
}

/** Loads an exporter, which itself reads endpoint, headers and certificates from the environment. */
async function loadExporter(protocol: OtlpProtocol) {
  switch (protocol) {
    case "grpc":
      return import("@opentelemetry/exporter-metrics-otlp-grpc");
    case "http/json":
      return import("@opentelemetry/exporter-metrics-otlp-http");
    case "http/protobuf":
      return import("@opentelemetry/exporter-metrics-otlp-proto");
  }
}
