import { context, propagation, type Tracer, trace } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";

/** Spans on their way to whoever the environment names. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Exports what is still here, however long that takes, and ends. */
  stop(): Promise<void>;
}

/**
 * Starts the SDK, which reads the exporter, the sampler, limits and propagators from the environment's `OTEL_…` variables by
 * itself. It is loaded here and not before, because it takes 40 MB with all its exporters.
 */
export async function openTracing(resource: Resource, scope: string): Promise<Tracing> {
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [], // ours has them
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
