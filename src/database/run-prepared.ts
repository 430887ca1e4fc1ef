import type { Knex } from "knex";
import { isStaleStatement } from "./is-stale-statement.ts";
import { preparedNames } from "./prepared-statement-names.ts";

/**
 * Returns the rows of a statement that each connection parses once, under its name, and then only executes: for a statement of
 * a hot path parsing and planning cost more than its execution (one create at a time: p50 2.2 ms without and 1.4 ms with, `npm
 * run bench -- --only create-1`). The same name must always have the same text. With DATABASE_PREPARE=off it is parsed each
 * time.
 *
 * A statement with a stale prepared form has had no effect and is run again without a name; inside a transaction, which cannot
 * continue after it, the error is thrown and `runTransaction` repeats the transaction.
 */
export async function runPrepared<Row>(
  knex: Knex,
  name: string,
  sql: string,
  bindings: Knex.RawBinding[],
): Promise<Row[]> {
  const names = preparedNames(knex);
  const prepared = names.of(name);
  if (prepared !== undefined)
    try {
      const { rows } = await knex.raw<{ rows: Row[] }>(sql, bindings).options(prepared);
      return rows;
    } catch (error) {
      if (!isStaleStatement(error)) throw error;
      names.renew(name, prepared);
      if (knex.isTransaction === true) throw error;
    }
  const { rows } = await knex.raw<{ rows: Row[] }>(sql, bindings);
  return rows;
}
