import type { Logger } from "pino";
import { lockDataDir } from "../database/embedded/lock-data-dir.ts";
import { startEmbeddedPostgres } from "../database/embedded/start-embedded-postgres.ts";
import { migrate } from "../database/migrate.ts";
import { type DatabaseTarget, openKnex } from "../database/open-knex.ts";
import { limitSocketSilence } from "../database/socket-silence-limit.ts";
import { verifyPooling } from "../database/verify-pooling.ts";
import type { Config } from "./config.ts";

/** Where the database is: that of the configuration, or the embedded one, which is started and pushes its closers. */
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

/** A migration, and the wait for another server's, may rightly take long. */
export async function migrateDatabase(target: DatabaseTarget, log: Logger): Promise<void> {
  const knex = openKnex(target, 1, log, limitSocketSilence(0));
  await migrate(knex).finally(() => knex.destroy());
}
