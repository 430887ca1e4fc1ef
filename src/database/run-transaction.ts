import type { Knex } from "knex";
import { isStaleStatement } from "./is-stale-statement.ts";

/** The maximum number of attempts: each detects at most one stale prepared statement. */
const attempts = 5;

/**
 * Runs a transaction, and repeats it after a stale prepared statement in it (see runPrepared), because it was rolled back. So
 * `work` must have no effects outside of the transaction.
 */
export async function runTransaction<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await knex.transaction(work);
    } catch (error) {
      if (!isStaleStatement(error) || attempt === attempts) throw error;
    }
}
