import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";
import { names } from "../telemetry/names.ts";

/** What Knex's pool, which has no type of its own there, tells of itself. */
interface Pool {
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/** Tells how many connections to the database are in use, and how many wait for one. */
export function observePool(knex: Knex, poolMax: number, meter: Meter): void {
  const pool: Pool = knex.client.pool;
  const name = { [names.poolName]: "connectory" };
  const connections = meter.createObservableUpDownCounter(names.poolConnections, { unit: "{connection}" });
  const max = meter.createObservableUpDownCounter(names.poolMax, { unit: "{connection}" });
  const pending = meter.createObservableUpDownCounter(names.poolPending, { unit: "{request}" });
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(connections, pool.numUsed(), { ...name, [names.poolState]: "used" });
      result.observe(connections, pool.numFree(), { ...name, [names.poolState]: "idle" });
      result.observe(max, poolMax, name);
      result.observe(pending, pool.numPendingAcquires(), name);
    },
    [connections, max, pending],
  );
}
