import type { Knex } from "knex";

const settings = ["enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort", "jit"];
const statement = `select ${settings.map((name) => `set_config('${name}', 'off', true)`).join(", ")}`;

/**
 * For the rest of a transaction the planner reads tables by an index that gives the order which a statement asks for, whatever
 * its statistics say. They know nothing of an organization that is new: one row is expected of it, and then every index that
 * begins with the organization seems as good as the right one. So a statement that must have one index asks for the order of
 * that index, all its columns, and compares rows in place of columns: a column that is equal to something has no order.
 */
export async function forceIndexPlan(trx: Knex.Transaction): Promise<void> {
  await trx.raw(statement);
}
