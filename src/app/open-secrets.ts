import type { Knex } from "knex";
import type { Logger } from "pino";
import { eraseExpunged } from "../connection-profiles/store/erase-events.ts";
import { storedDestination } from "../connection-profiles/store/stored-destination.ts";
import { connectors } from "../connectors/registry.ts";
import { fixedKeyRing, type KeyRing } from "../secrets/keys/key-ring.ts";
import { openLocalKeyRing } from "../secrets/keys/local-key-ring.ts";
import { verifyKeys } from "../secrets/keys/verify-keys.ts";
import { openSecretStore, type SecretStore } from "../secrets/secret-store.ts";
import type { Config } from "./config.ts";

/** Returns the key ring of SECRET_KEYS, or the local one in `dataDir`. Throws for a damaged key file. */
export function openKeys({ secretKeys, dataDir }: Config): Promise<KeyRing> {
  return secretKeys === undefined ? openLocalKeyRing(dataDir) : Promise.resolve(fixedKeyRing(secretKeys));
}

/**
 * Returns the secret store, after the upgrades of stored secrets and events. Throws when a key that stored secrets need is
 * missing or is a different one.
 */
export async function openSecrets(keys: KeyRing, knex: Knex, log: Logger): Promise<SecretStore> {
  await verifyKeys({ knex, keys });
  const secretStore = openSecretStore({ knex, keys, log });
  await secretStore.upgrade((trx, organizationId, id) => storedDestination(trx, connectors, organizationId, id));
  await eraseExpunged(knex, log);
  return secretStore;
}
