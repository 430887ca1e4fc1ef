import type { Knex } from "knex";
import type { Logger } from "pino";
import { decryptV1Secret } from "./crypto/decrypt-v1-secret.ts";
import { encryptSecret, fingerprintSecret } from "./crypto/encrypt-secret.ts";
import type { DataKeys } from "./keys/data-keys.ts";
import type { KeyRing } from "./keys/key-ring.ts";

/**
 * Returns the destination digest of a profile (SHA-256), read through the given transaction. Undefined without such a profile,
 * or when this version does not know its connector.
 */
export type DestinationOf = (
  trx: Knex.Transaction,
  organizationId: string,
  profileId: string,
) => Promise<Uint8Array | undefined>;

interface V1Row {
  organization_id: string;
  profile_id: string;
  path: string;
  key_id: string;
  ciphertext: Buffer;
}

interface Upgrade {
  readonly knex: Knex;
  readonly keys: KeyRing;
  readonly dataKeys: DataKeys;
  readonly destinationOf: DestinationOf;
  readonly log: Logger;
}

const batch = 100;

/**
 * Encrypts the secrets of version 0.1 under data keys, bound to the present destination of their profile. Returns their number.
 * Unreadable secrets stay unchanged and are logged. Without such secrets it reads an empty index.
 *
 * Rows locked by other transactions are skipped: their new values are encrypted under a data key. Fingerprints change here,
 * once: those of version 0.1 were made with the key-encryption key.
 */
export async function upgradeSecrets(options: Upgrade): Promise<number> {
  let upgraded = 0;
  let after: readonly string[] | undefined = ["", "", ""];
  while (after !== undefined) {
    const position: readonly string[] = after;
    const done = await options.knex.transaction((trx) => upgradeBatch(trx, options, position));
    upgraded += done.upgraded;
    after = done.last;
  }
  if (upgraded > 0) options.log.info({ upgraded }, "secrets of version 0.1 are under data keys now");
  return upgraded;
}

async function upgradeBatch(trx: Knex.Transaction, options: Upgrade, after: readonly string[]) {
  const { rows } = await trx.raw<{ rows: V1Row[] }>(
    `select organization_id, profile_id, path, key_id, ciphertext from connection_profile_secret
     where key_id is not null and (organization_id, profile_id, path) > (?, ?, ?)
     order by organization_id, profile_id, path limit ${batch} for update skip locked`,
    [...after],
  );
  let upgraded = 0;
  for (const row of rows) if (await upgradeOne(trx, options, row)) upgraded += 1;
  const last = rows.at(-1);
  return { upgraded, last: last && [last.organization_id, last.profile_id, last.path] };
}

async function upgradeOne(trx: Knex.Transaction, { keys, dataKeys, destinationOf, log }: Upgrade, row: V1Row) {
  const { organization_id: organizationId, profile_id: profileId, path } = row;
  const left = (problem: string) => {
    log.error({ organizationId, profileId, path, problem }, "a secret of version 0.1 cannot be upgraded");
    return false;
  };
  const kek = await keys.find(row.key_id);
  if (kek === undefined) return left("KEY_MISSING");
  const value = decryptV1Secret(kek, { organizationId, profileId, path }, row.ciphertext);
  if (value === undefined) return left("ALTERED");
  const destination = await destinationOf(trx, organizationId, profileId);
  if (destination === undefined) return left("DESTINATION_UNKNOWN");
  const key = await dataKeys.current(trx, organizationId);
  if (typeof key === "string") return left(key);
  const place = { organizationId, profileId, path, destination };
  await trx("connection_profile_secret")
    .where({ organization_id: organizationId, profile_id: profileId, path })
    .update({
      key_id: null,
      data_key_id: key.id,
      ciphertext: encryptSecret(key, place, value),
      fingerprint: fingerprintSecret(key, place, value),
    });
  value.fill(0);
  return true;
}
