import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { StoredSecret } from "../secrets/open-vault.ts";
import { type ProfileRow, type SecretRow, toConnectionProfile } from "./profile-row.ts";

/** A profile with its secrets, still sealed. */
export interface SavedProfile {
  readonly profile: ConnectionProfile;
  readonly stored: readonly StoredSecret[];
}

/** The profiles of one organization, deleted ones too. */
export function profilesOf(knex: Knex, organizationId: string) {
  return knex<ProfileRow>("connection_profile").where({ organization_id: organizationId });
}

/** The sealed secrets of one organization's profiles. */
export function secretsOf(knex: Knex, organizationId: string) {
  return knex<SecretRow>("connection_profile_secret").where({ organization_id: organizationId });
}

/** A profile, without its secrets. */
export async function readProfile(
  knex: Knex,
  organizationId: string,
  id: string,
): Promise<ConnectionProfile | undefined> {
  const rows = await profilesOf(knex, organizationId).where({ id }).select();
  const [profile] = await withSecretStates(knex, organizationId, rows);
  return profile;
}

/** A profile with its secrets as they are stored. */
export async function readSaved(knex: Knex, organizationId: string, id: string): Promise<SavedProfile | undefined> {
  const [row] = await profilesOf(knex, organizationId).where({ id }).select();
  if (row === undefined) return undefined;
  const secrets = await secretsOf(knex, organizationId).where({ profile_id: id }).orderBy("path").select();
  const stored = secrets.map(({ path, key_id, data_key_id, ciphertext, fingerprint }) => ({
    path,
    keyId: key_id,
    dataKeyId: data_key_id,
    ciphertext,
    fingerprint,
  }));
  return { profile: toConnectionProfile(row, secrets), stored };
}

/** Takes the lock of a profile, so that of two writes at once the second sees what the first has written. */
export async function lockProfile(
  trx: Knex.Transaction,
  organizationId: string,
  id: string,
): Promise<ConnectionProfile | undefined> {
  await profilesOf(trx, organizationId).where({ id }).forUpdate().select("id");
  return readProfile(trx, organizationId, id);
}

/** Rows as they are answered. What may be told of their secrets is read at once for all of them; nothing is decrypted. */
export async function withSecretStates(
  knex: Knex,
  organizationId: string,
  rows: readonly ProfileRow[],
): Promise<readonly ConnectionProfile[]> {
  const states = await secretsOf(knex, organizationId)
    .whereIn(
      "profile_id",
      rows.map(({ id }) => id),
    )
    .select("profile_id", "path", "fingerprint", "updated_at");
  const byProfile = Map.groupBy(states, ({ profile_id }) => profile_id);
  return rows.map((row) => toConnectionProfile(row, byProfile.get(row.id) ?? []));
}
