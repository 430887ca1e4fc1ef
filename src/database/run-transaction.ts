import type { Knex } from "knex";
import { isStaleStatement } from "./is-stale-statement.ts";

/** How many prepared statements of one transaction may be of no use any more; each is found when its turn comes. */
const attempts = 5;

/**
 * Runs a transaction, and once more for each prepared statement in it that is of no use any more (see runPrepared): what was
 * done until then is rolled back. So `work` does nothing but with the transaction.
 */
export async function runTransaction<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await knex.transaction(work);
    } catch (error) {
      if (!isStaleStatement(error) || attempt === attempts) throw error;
    }
}
