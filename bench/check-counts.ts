import { type Database, query } from "./database.ts";
import type { Measured, Writes } from "./row.ts";

/** So many of them were acknowledged. */
export interface Acknowledged extends Writes {
  readonly count: number;
}

/** Where each call leaves one row. A test is answered with OK also when its target cannot be used: its event tells. */
const tables: Readonly<Record<Writes["kind"], readonly string[]>> = {
  connection: ["connection", "event where type = 'connection.created'"],
  profile: [
    "connection_profile",
    "connection_profile_secret",
    "connection_profile_revision",
    "event where type = 'connection-profile.created'",
  ],
  test: ["event where type = 'connection-profile.tested' and data #>> '{test,error}' = 'false'"],
};

/** Throws unless each database has exactly the rows of what was acknowledged, and no other event. */
export async function checkCounts(measured: readonly Measured[], seeded: readonly Acknowledged[]): Promise<void> {
  const driven = measured.flatMap(({ row: { writes }, slices }) =>
    writes === undefined ? [] : slices.map(({ acknowledged: count }) => ({ ...writes, count })),
  );
  for (const [database, all] of Map.groupBy([...seeded, ...driven], (one) => one.database)) {
    for (const [kind, some] of Map.groupBy(all, (one) => one.kind))
      for (const table of tables[kind]) await check(database, table, some);
    await check(database, "event", all);
  }
}

async function check(database: Database, table: string, all: readonly Acknowledged[]): Promise<void> {
  const count = all.reduce((sum, one) => sum + one.count, 0);
  const [row] = await query(database, `select count(*) from ${table}`);
  if (Number(row?.count) === count) return;
  const found = `${database.database} has ${row?.count} rows in ${table}`;
  throw new Error(`${count} calls that write them were acknowledged, and ${found}`);
}
