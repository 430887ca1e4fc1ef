import type { Knex } from "knex";

const settings = ["enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort", "jit"];
const statement = `select ${settings.map((name) => `set_config('${name}', 'off', true)`).join(", ")}`;

/**
 * Makes the planner, for the rest of the transaction, read tables by an index with the order that a statement asks for,
 * whatever its statistics are. For a new organization they estimate one row, and then every index that begins with the
 * organization has the same cost. So a statement that needs one index orders by all of its columns, and compares rows in place
 * of columns: a column that is equal to a constant has no order.
 */
export async function forceIndexPlan(trx: Knex.Transaction): Promise<void> {
  await trx.raw(statement);
}
