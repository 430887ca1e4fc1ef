import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";

/** How far a reader of the event log is behind. */
interface Lag {
  readonly events: number;
  readonly organizations: number;
  readonly ageSeconds: number;
}

export interface LagOptions {
  readonly knex: Knex;
  readonly meter: Meter;
  readonly reader: string;
  /** How many organizations' events this process has put aside, because they can never be published as they are. */
  readonly blocked: () => number;
}

const statement = readFileSync(new URL("lag.sql", import.meta.url), "utf8");

/** Several may ask at a time, and often: the database is asked once in so many milliseconds. */
const cacheTtlMs = 5000;
/** A database that is away must not hold up what else there is to tell. */
const timeoutMs = 2000;

/** Tells how far the reader is behind, whichever process does its work. Answers with how to end that. */
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
    const failed = () => undefined; // the calls that fail say why; no figure is better than a wrong one
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
