import { readFile } from "node:fs/promises";
import { type Database, query } from "./database.ts";

const migration = new URL("../src/database/migrations/0001_first.sql", import.meta.url);

/** Makes a database of its own on the same server, with the product's tables and indexes and what `sql` adds. */
export async function createScratchDatabase(server: Database, name: string, sql: string): Promise<Database> {
  await query(server, `create database ${name}`);
  const scratch = { ...server, database: name };
  await query(scratch, await readFile(migration, "utf8"));
  await query(scratch, sql);
  return scratch;
}
