import type { Knex } from "knex";
import { isStaleStatement } from "./is-stale-statement.ts";
import { preparedNames } from "./prepared-statement-names.ts";

/**
 * Runs a statement that each connection parses once, under its name, and from then on only executes: for a statement
 * of a hot path parsing and planning cost more than its work (one create at a time: p50 2.2 ms without and 1.4 ms with, `npm run bench -- --only create-1`).
 * The same name must always come with the same text. With DATABASE_PREPARE=off it is parsed each time.
 *
 * A statement whose prepared form is of no use any more has done nothing and is run again without a name. A transaction cannot
 * go on after it: `runTransaction` repeats the whole.
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
