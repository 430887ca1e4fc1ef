import { type Database, query } from "./database.ts";
import type { Measured } from "./run-rounds.ts";

/** Throws unless each database has a connection, and an event of it, for every create that was acknowledged. */
export async function checkCounts(measured: readonly Measured[], seeded: { database: Database; count: number }) {
  const acknowledged = new Map([[seeded.database, seeded.count]]);
  for (const { row, slices } of measured) {
    if (row.writesTo === undefined) continue;
    const before = acknowledged.get(row.writesTo) ?? 0;
    acknowledged.set(
      row.writesTo,
      slices.reduce((sum, slice) => sum + slice.acknowledged, before),
    );
  }
  for (const [database, count] of acknowledged) {
    for (const table of ["connection", "event"]) {
      const [row] = await query(database, `select count(*) from ${table}`);
      if (Number(row?.count) === count) continue;
      const found = `table ${table} of ${database.database} has ${row?.count} rows`;
      throw new Error(`${count} creates were acknowledged, and ${found}`);
    }
  }
}
