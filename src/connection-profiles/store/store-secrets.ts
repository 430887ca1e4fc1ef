import type { Knex } from "knex";
import type { StoredSecret } from "../../secrets/secret-store.ts";
import type { SecretRow } from "./profile-row.ts";
import { secretsOf } from "./read-profile.ts";

/** Writes encrypted secrets of a profile, replacing those with the same paths, and deletes the `removed` ones. */
export async function storeSecrets(
  trx: Knex.Transaction,
  organizationId: string,
  profileId: string,
  sealed: readonly StoredSecret[],
  removed: readonly string[],
  now: Date,
): Promise<void> {
  if (removed.length > 0)
    await secretsOf(trx, organizationId)
      .where({ profile_id: profileId })
      .whereIn("path", [...removed])
      .delete();
  if (sealed.length === 0) return;
  const rows = sealed.map(({ path, keyId, dataKeyId, ciphertext, fingerprint }) => ({
    organization_id: organizationId,
    profile_id: profileId,
    path,
    key_id: keyId,
    data_key_id: dataKeyId,
    ciphertext: Buffer.from(ciphertext),
    fingerprint,
    updated_at: now,
  }));
  await trx<SecretRow>("connection_profile_secret")
    .insert(rows)
    .onConflict(["organization_id", "profile_id", "path"])
    .merge();
}
