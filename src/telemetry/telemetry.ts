import { createNoopMeter, type Meter, type Tracer } from "@opentelemetry/api";

/** What a part of the service needs to be seen from outside. Each makes its own instruments, where it measures. */
export interface Telemetry {
  /** Undefined when nobody wants traces: then there are no spans at all. */
  readonly tracer: Tracer | undefined;
  readonly meter: Meter;
}

/** Measures nothing. */
export const silent: Telemetry = { tracer: undefined, meter: createNoopMeter() };
