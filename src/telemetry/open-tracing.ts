import { context, propagation, type Tracer, trace } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";

/** A tracer whose spans are exported as the environment configures. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Exports the remaining spans, without a time limit, and ends. */
  stop(): Promise<void>;
}

/**
 * Starts the SDK, which itself reads the exporter, the sampler, limits and propagators from the `OTEL_…` variables. It is loaded
 * only here, because it takes 40 MB with all its exporters.
 */
export async function openTracing(resource: Resource, scope: string): Promise<Tracing> {
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [], // openTelemetry has its own
    logRecordProcessors: [], // the log goes to standard error
  });
  sdk.start();
  return {
    tracer: trace.getTracer(scope),
    stop: async () => {
      await sdk.shutdown();
      for (const api of [trace, propagation, context]) api.disable();
    },
  };
}
