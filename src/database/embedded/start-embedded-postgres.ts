import { realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import type { Logger } from "pino";
import { makeFolder } from "../../config/make-folder.ts";
import type { DatabaseAddress } from "../open-knex.ts";
import { createCluster } from "./create-cluster.ts";
import { locatePostgres } from "./locate-postgres.ts";
import { choosePostgresOsUser } from "./postgres-os-user.ts";
import { runPostgres } from "./run-postgres.ts";
import { shortSocketPath } from "./short-socket-path.ts";
import { clusterNameOf, stopOrphanedPostgres } from "./stop-orphaned-postgres.ts";

/**
 * Starts PostgreSQL 18 on `<dataDir>/postgres` as a child process that listens only on a unix socket, and creates the cluster
 * and the database `connectory` if they are missing. A server that a killed process has left running on the folder is stopped
 * first, so the calling code must hold `lockDataDir(dataDir)`.
 *
 * `fsync` (default: true): false is for tests, because a crash of the machine may lose data. `onExit` (default: none) is called
 * after a fatal log line when the server ends without `stop`. `stop` shuts it down; pools must be closed before.
 *
 * Measured on two cores: the first start takes 1.2 s, of which initdb is 0.9 s; a later one 0.07 to 0.1 s.
 */
export async function startEmbeddedPostgres(options: {
  readonly dataDir: string;
  readonly log: Logger;
  /** Default: true. */
  readonly fsync?: boolean;
  /** void; => Default: none. */
  readonly onExit?: () => void;
}): Promise<{ target: DatabaseAddress; stop(): Promise<void> }> {
  const { log, fsync = true } = options;
  await makeFolder(options.dataDir);
  const dataDir = await realpath(options.dataDir);
  const clusterDir = join(dataDir, "postgres");

  const socketDir = await shortSocketPath(clusterDir);
  const isThere = (await stat(clusterDir).catch(() => undefined)) !== undefined;
  if (isThere) await stopOrphanedPostgres(clusterDir, socketDir, log); // before its files get another owner
  const account = await choosePostgresOsUser(clusterDir);
  const home = await locatePostgres(account, dataDir);
  await createCluster({ home, clusterDir, account, fsync });
  const name = await clusterNameOf(clusterDir);

  const { onExit = () => {} } = options;
  const server = await runPostgres({ home, clusterDir, account, name, fsync, log, onExit });
  const stop = async () => {
    await server.stop();
    if (socketDir !== clusterDir) await rm(socketDir, { force: true });
  };
  const target = { host: socketDir, port: 5432, user: "connectory", password: "", database: "connectory" };
  try {
    await ensureDatabase(target);
  } catch (error) {
    await stop();
    throw error;
  }
  return { target, stop };
}

/** Creates the database if the server does not have it; this also proves that the server answers. */
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
