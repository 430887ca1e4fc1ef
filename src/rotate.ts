import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { readDestination } from "./connection-profile/read-destination.ts";
import { connectors } from "./connectors/index.ts";
import { connectEmbedded } from "./database/connect-embedded.ts";
import { limitSilence } from "./database/limit-silence.ts";
import { migrate } from "./database/migrate.ts";
import { openKnex } from "./database/open-knex.ts";
import { checkKeysBeforeMigration } from "./secrets/check-keys.ts";
import { fixedKeyRing } from "./secrets/key-ring.ts";
import { openLocalKeyRing } from "./secrets/open-local-key-ring.ts";
import { openVault } from "./secrets/open-vault.ts";
import { runRotation } from "./secrets/run-rotation.ts";

/** How a command is called, and how it tells what it does. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly print: (line: string) => void;
  /** Ends it in order; it can be run again. */
  readonly signal: AbortSignal;
}

/**
 * `npm run secrets:rotate`: the parts that it needs, put together for as long as it runs. Servers may run on the same database;
 * the embedded one is started when nobody runs it. True when all is under the new keys.
 */
export async function rotate(config: Config, log: Logger, command: CommandLine): Promise<boolean> {
  const { databaseUrl, databasePrepare, dataDir, secretKeys } = config;
  const keys = secretKeys === undefined ? await openLocalKeyRing(dataDir) : fixedKeyRing(secretKeys);
  const database =
    databaseUrl === undefined
      ? await connectEmbedded({ dataDir, log })
      : { target: { url: databaseUrl, prepare: databasePrepare }, stop: async () => {} };
  const knex = openKnex(database.target, 4, log, limitSilence(0)); // one connection holds the lock all the while
  try {
    await checkKeysBeforeMigration({ knex, keys });
    await migrate(knex);
    const vault = openVault({ knex, keys, log });
    const upgrade = () => vault.upgrade((trx, organization, id) => readDestination(trx, connectors, organization, id));
    return await runRotation({ ...command, knex, keys, upgrade });
  } finally {
    await knex.destroy();
    await database.stop();
  }
}
