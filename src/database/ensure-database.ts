import { Client } from "pg";
import type { DatabaseAddress } from "./open-knex.ts";

/** Makes the database unless the server has it, which also proves that the server answers. */
export async function ensureDatabase(target: DatabaseAddress): Promise<void> {
  const client = new Client({ ...target, database: "postgres", ssl: false, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [target.database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(target.database)}`);
  } finally {
    await client.end();
  }
}
