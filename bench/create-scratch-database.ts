import { readdir, readFile } from "node:fs/promises";
import { type Database, query } from "./database.ts";

const migrations = new URL("../src/database/migrations/", import.meta.url);

/** Makes a database of its own on the same server, with the product's tables and indexes and what `sql` adds. */
export async function createScratchDatabase(server: Database, name: string, sql: string): Promise<Database> {
  await query(server, `create database ${name}`);
  const scratch = { ...server, database: name };
  for (const file of (await readdir(migrations)).sort())
    await query(scratch, await readFile(new URL(file, migrations), "utf8"));
  await query(scratch, sql);
  return scratch;
}
