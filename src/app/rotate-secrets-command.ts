import type { Logger } from "pino";
import { storedDestination } from "../connection-profiles/store/stored-destination.ts";
import { connectors } from "../connectors/registry.ts";
import { connectEmbedded } from "../database/embedded/connect-embedded.ts";
import { migrate } from "../database/migrate.ts";
import { openKnex } from "../database/open-knex.ts";
import { limitSocketSilence } from "../database/socket-silence-limit.ts";
import { fixedKeyRing } from "../secrets/keys/key-ring.ts";
import { openLocalKeyRing } from "../secrets/keys/local-key-ring.ts";
import { verifyKeysBeforeMigration } from "../secrets/keys/verify-keys.ts";
import { runRotation } from "../secrets/rotation/rotation-command.ts";
import { openSecretStore } from "../secrets/secret-store.ts";
import type { Config } from "./config.ts";

/** The arguments, output and abort signal of a command. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly print: (line: string) => void;
  /** Aborts the command after the current batch; it can be run again. */
  readonly signal: AbortSignal;
}

/**
 * Runs `npm run secrets:rotate` and closes what it opened. Servers may run on the same database; the embedded one is started if
 * no server runs it. Returns true when everything is under the new keys. Throws an Error with a message for the operator.
 */
export async function rotateSecretsCommand(config: Config, log: Logger, command: CommandLine): Promise<boolean> {
  const { databaseUrl, databasePrepare, dataDir, secretKeys } = config;
  const keys = secretKeys === undefined ? await openLocalKeyRing(dataDir) : fixedKeyRing(secretKeys);
  const database =
    databaseUrl === undefined
      ? await connectEmbedded({ dataDir, log })
      : { target: { url: databaseUrl, prepare: databasePrepare }, stop: async () => {} };
  const knex = openKnex(database.target, 4, log, limitSocketSilence(0)); // one connection holds the lock meanwhile
  try {
    await verifyKeysBeforeMigration({ knex, keys });
    await migrate(knex);
    const secretStore = openSecretStore({ knex, keys, log });
    const upgrade = () =>
      secretStore.upgrade((trx, organization, id) => storedDestination(trx, connectors, organization, id));
    return await runRotation({ ...command, knex, keys, upgrade });
  } finally {
    await knex.destroy();
    await database.stop();
  }
}
