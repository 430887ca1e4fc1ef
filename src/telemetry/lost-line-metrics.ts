import type { Meter } from "@opentelemetry/api";

/** Adds the counter of log lines that could not be written. */
export function measureLostLines(meter: Meter, lostLines: () => number): void {
  meter
    .createObservableCounter("connectory.log.lost", { unit: "{line}", description: "Lines of the log that were lost" })
    .addCallback((result) => result.observe(lostLines()));
}
