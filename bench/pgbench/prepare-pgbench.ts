import { readFile } from "node:fs/promises";
import { createScratchDatabase } from "../create-scratch-database.ts";
import { type Database, query } from "../database.ts";

/** Sessions that the servers' pools and the bench itself may hold while pgbench runs. */
const reserved = 45;

/** Makes pgbench's database and finds out how many sessions it can have. */
export async function preparePgbench(server: Database): Promise<{ database: Database; maxClients: number }> {
  const tables = await readFile(new URL("tables.sql", import.meta.url), "utf8");
  const database = await createScratchDatabase(server, "bench_pgbench", tables);
  const [row] = await query(server, "show max_connections");
  return { database, maxClients: Number(row?.max_connections) - reserved };
}
