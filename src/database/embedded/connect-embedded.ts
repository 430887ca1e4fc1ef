import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { Logger } from "pino";
import type { DatabaseAddress } from "../open-knex.ts";
import { lockDataDir } from "./lock-data-dir.ts";
import { shortSocketPath } from "./short-socket-path.ts";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";

/** The time in which the database of a starting server must answer, in milliseconds. */
const startTimeoutMs = 15_000;

/**
 * Returns the embedded database of `dataDir`, for a command beside the server: that of the running server, or one that is
 * started for the command. `stop` stops only the latter. Throws for a folder without a database, and when another process has
 * the folder and its database does not answer within 15 s.
 */
export async function connectEmbedded(options: {
  readonly dataDir: string;
  readonly log: Logger;
}): Promise<{ target: DatabaseAddress; stop(): Promise<void> }> {
  const { dataDir } = options;
  if ((await stat(join(dataDir, "postgres")).catch(() => undefined)) === undefined)
    throw new Error(`DATA_DIR ${dataDir} has no database: nothing has run there yet, or it is another folder`);
  const unlock = await lockDataDir(dataDir).catch((error: unknown) => error);
  if (typeof unlock !== "function") return { target: await reachRunning(dataDir, unlock), stop: async () => {} };
  try {
    const { target, stop } = await startEmbeddedPostgres(options);
    return { target, stop: () => stop().finally(() => unlock()) };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * Returns the address of the running server's database. Throws `whyNot`, the reason why the folder is locked, when it does not
 * answer.
 */
async function reachRunning(dataDir: string, whyNot: unknown): Promise<DatabaseAddress> {
  const host = await shortSocketPath(join(await realpath(dataDir), "postgres"));
  const target = { host, port: 5432, user: "connectory", password: "", database: "connectory" };
  const end = Date.now() + startTimeoutMs;
  while (!(await answers(target))) {
    if (Date.now() > end) throw whyNot;
    await sleep(200);
  }
  return target;
}

async function answers(target: DatabaseAddress): Promise<boolean> {
  const client = new Client({ ...target, ssl: false, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined); // it may be an orphaned server that is being stopped
  try {
    await client.connect();
    return true;
  } catch {
    return false; // not yet
  } finally {
    await client.end();
  }
}
