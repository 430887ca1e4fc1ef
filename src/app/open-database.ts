import type { Logger } from "pino";
import { lockDataDir } from "../database/embedded/lock-data-dir.ts";
import { startEmbeddedPostgres } from "../database/embedded/start-embedded-postgres.ts";
import { migrate } from "../database/migrate.ts";
import { type DatabaseTarget, openKnex } from "../database/open-knex.ts";
import { limitSocketSilence } from "../database/socket-silence-limit.ts";
import { verifyPooling } from "../database/verify-pooling.ts";
import type { Config } from "./config.ts";

/** Returns the address of the configured database, or of the embedded one, which is started and adds its closers. */
export async function openDatabase(
  { databaseUrl, databasePrepare, dataDir }: Config,
  log: Logger,
  closers: (() => Promise<void>)[],
  onDeath: (why: string) => void,
): Promise<DatabaseTarget> {
  if (databaseUrl !== undefined) {
    const target = { url: databaseUrl, prepare: databasePrepare };
    await verifyPooling(target, log);
    return target;
  }
  closers.push(await lockDataDir(dataDir));
  const postgres = await startEmbeddedPostgres({
    dataDir,
    log,
    onExit: () => onDeath("the embedded database has died"),
  });
  closers.push(() => postgres.stop());
  return postgres.target;
}

/** Applies migrations, without a limit of silence: a migration, and the wait for another server's, may take long. */
export async function migrateDatabase(target: DatabaseTarget, log: Logger): Promise<void> {
  const knex = openKnex(target, 1, log, limitSocketSilence(0));
  await migrate(knex).finally(() => knex.destroy());
}
