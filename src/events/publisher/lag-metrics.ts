import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";

/** The lag of a reader of the event log. */
interface Lag {
  readonly events: number;
  readonly organizations: number;
  readonly ageSeconds: number;
}

/** Dependencies of the lag metrics. `reader` is the name in `event_cursor`. */
export interface LagOptions {
  readonly knex: Knex;
  readonly meter: Meter;
  readonly reader: string;
  /** Returns the number of organizations whose events this process no longer publishes. */
  readonly blocked: () => number;
}

const statement = readFileSync(new URL("lag.sql", import.meta.url), "utf8");

/** The database is queried at most once in this many milliseconds, however often the metrics are collected. */
const cacheTtlMs = 5000;
/** Milliseconds after which an unresponsive database is skipped, so that the other metrics are still collected. */
const timeoutMs = 2000;

/** Registers gauges of the reader's lag, whichever process publishes. Returns the function that removes them. */
export function measureLag({ knex, meter, reader, blocked }: LagOptions): () => void {
  const unit = { unit: "{event}" };
  const behind = meter.createObservableGauge("connectory.events.behind", {
    ...unit,
    description: "Events that wait for Kafka",
  });
  const organizations = meter.createObservableGauge("connectory.events.behind.organizations", {
    unit: "{organization}",
    description: "Organizations of which events wait for Kafka",
  });
  const age = meter.createObservableGauge("connectory.events.age", {
    unit: "s",
    description: "Age of the oldest event that waits for Kafka; 0 when none does",
  });
  const broken = meter.createObservableGauge("connectory.events.stuck.organizations", {
    unit: "{organization}",
    description: "Organizations whose events this process does not publish any more: see its log",
  });
  const all = [behind, organizations, age, broken];
  let known: { readonly at: number; readonly lag: Promise<Lag | undefined> } | undefined;

  const ask = async (): Promise<Lag | undefined> => {
    const answer = knex.raw<{ rows: Lag[] }>(statement, [reader]).then(({ rows }) => rows[0]);
    const failed = () => undefined; // failing calls report the cause; no figure is better than a wrong one
    return Promise.race([answer.catch(failed), sleep(timeoutMs, undefined, { ref: false })]);
  };
  const observe: Parameters<Meter["addBatchObservableCallback"]>[0] = async (result) => {
    const now = performance.now();
    if (known === undefined || now - known.at > cacheTtlMs) known = { at: now, lag: ask() };
    result.observe(broken, blocked());
    const lag = await known.lag;
    if (lag === undefined) return;
    result.observe(behind, lag.events);
    result.observe(organizations, lag.organizations);
    result.observe(age, lag.ageSeconds);
  };
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}
