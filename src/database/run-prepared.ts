import type { Knex } from "knex";

/**
 * Runs a statement that each connection parses once, under its name, and from then on only executes: for a statement
 * of a hot path parsing and planning cost more than its work (one create at a time: p50 2.2 ms without and 1.4 ms with, `npm run bench -- --only create-1`).
 * The same name must always come with the same text. Behind PgBouncer this needs `max_prepared_statements`.
 */
export async function runPrepared<Row>(
  knex: Knex,
  name: string,
  sql: string,
  bindings: Knex.RawBinding[],
): Promise<Row[]> {
  const { rows } = await knex.raw<{ rows: Row[] }>(sql, bindings).options({ name });
  return rows;
}
