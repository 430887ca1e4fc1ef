import { createNoopMeter, type Meter, type Tracer } from "@opentelemetry/api";

/** The tracer and meter for a part of the service, which creates its own instruments. */
export interface Telemetry {
  /** Undefined when traces are not exported: then there are no spans. */
  readonly tracer: Tracer | undefined;
  readonly meter: Meter;
}

/** Telemetry without traces that records nothing. */
export const silent: Telemetry = { tracer: undefined, meter: createNoopMeter() };
