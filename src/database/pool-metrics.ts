import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";
import { metricNames } from "../telemetry/metric-names.ts";

/** The figures of Knex's pool, which Knex does not type. */
interface Pool {
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/** Registers metrics of the connections in use, idle and at most, and of the calls that wait for one. */
export function measurePool(knex: Knex, poolMax: number, meter: Meter): void {
  const pool: Pool = knex.client.pool;
  const name = { [metricNames.poolName]: "connectory" };
  const connections = meter.createObservableUpDownCounter(metricNames.poolConnections, { unit: "{connection}" });
  const max = meter.createObservableUpDownCounter(metricNames.poolMax, { unit: "{connection}" });
  const pending = meter.createObservableUpDownCounter(metricNames.poolPending, { unit: "{request}" });
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(connections, pool.numUsed(), { ...name, [metricNames.poolState]: "used" });
      result.observe(connections, pool.numFree(), { ...name, [metricNames.poolState]: "idle" });
      result.observe(max, poolMax, name);
      result.observe(pending, pool.numPendingAcquires(), name);
    },
    [connections, max, pending],
  );
}
