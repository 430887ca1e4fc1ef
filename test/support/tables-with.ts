import type { Knex } from "knex";

/** The tables of a database in which a text stands, in any column of any row, in clear or as the bytes of it. */
export async function tablesWith(knex: Knex, text: string): Promise<readonly string[]> {
  const tables: string[] = await knex("pg_tables")
    .where({ schemaname: "public" })
    .orderBy("tablename")
    .pluck("tablename");
  const found: string[] = [];
  for (const table of tables) {
    const { rows } = await knex.raw(
      "select 1 from ?? as t where position(lower(?) in lower(t::text)) > 0 or position(? in t::text) > 0 limit 1",
      [table, text, Buffer.from(text).toString("hex")],
    );
    if (rows.length > 0) found.push(table);
  }
  return found;
}
