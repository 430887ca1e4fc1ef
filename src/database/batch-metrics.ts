import { SpanKind } from "@opentelemetry/api";
import {
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_SYSTEM_NAME,
  DB_SYSTEM_NAME_VALUE_POSTGRESQL,
} from "@opentelemetry/semantic-conventions";
import { inSpan, type Traced } from "../telemetry/in-span.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** Measures how many calls each statement serves. `name` is the name of the statement. */
export interface BatchMeasure {
  count(name: string, size: number): void;
  /** Counts the batch, and runs it as a span of the calls in it. */
  write<T>(name: string, items: readonly { readonly caller: Traced }[], work: () => Promise<T>): Promise<T>;
}

/** Returns the histogram `connectory.batch.size` and the spans of batches. */
export function measureBatches({ tracer, meter }: Telemetry): BatchMeasure {
  const sizes = meter.createHistogram("connectory.batch.size", {
    unit: "{call}",
    description: "How many calls were gathered into one statement",
    advice: { explicitBucketBoundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256] },
  });
  const count = (name: string, size: number) => sizes.record(size, { "connectory.statement": name });
  return {
    count,
    write: (name, items, work) => {
      count(name, items.length);
      const attributes = {
        [ATTR_DB_SYSTEM_NAME]: DB_SYSTEM_NAME_VALUE_POSTGRESQL,
        [ATTR_DB_QUERY_SUMMARY]: name,
        ...(items.length > 1 ? { [ATTR_DB_OPERATION_BATCH_SIZE]: items.length } : {}),
      };
      const callers = items.map(({ caller }) => caller);
      return inSpan(tracer, { name, kind: SpanKind.CLIENT, attributes }, callers, work);
    },
  };
}
