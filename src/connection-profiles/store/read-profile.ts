import type { Knex } from "knex";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { runPrepared } from "../../database/run-prepared.ts";
import type { SavedProfile } from "../saved-profile.ts";
import { findProfiles } from "./find-profiles.ts";
import { type ProfileRow, type SecretRow, toConnectionProfile } from "./profile-row.ts";

/** Returns a query of one organization's profiles, deleted ones too. */
export function profilesOf(knex: Knex, organizationId: string) {
  return knex<ProfileRow>("connection_profile").where({ organization_id: organizationId });
}

/** Returns a query of the encrypted secrets of one organization's profiles. */
export function secretsOf(knex: Knex, organizationId: string) {
  return knex<SecretRow>("connection_profile_secret").where({ organization_id: organizationId });
}

/** Returns a profile without its secrets; undefined when there is none. */
export async function readProfile(
  knex: Knex,
  organizationId: string,
  id: string,
): Promise<ConnectionProfile | undefined> {
  const [profile] = await findProfiles(knex, [{ organizationId, id }]);
  return profile;
}

// One statement, so that the profile and its secrets are from one snapshot: the configuration decides where the secrets may be
// sent.
const saved = `
  select profile.*, (
    select json_agg(json_build_object(
      'path', path, 'fingerprint', fingerprint, 'updated_at', updated_at,
      'key_id', key_id, 'data_key_id', data_key_id, 'ciphertext', encode(ciphertext, 'base64')) order by path)
    from connection_profile_secret as secret
    where secret.organization_id = profile.organization_id and secret.profile_id = profile.id
  ) as secrets
  from connection_profile as profile where organization_id = ? and id = ?`;

type SavedRow = ProfileRow & {
  secrets: (Omit<SecretRow, "ciphertext" | "updated_at"> & { ciphertext: string; updated_at: string })[] | null;
};

/** Returns a profile with its encrypted secrets; undefined when there is none. */
export async function readSaved(knex: Knex, organizationId: string, id: string): Promise<SavedProfile | undefined> {
  const [row] = await runPrepared<SavedRow>(knex, "read-saved-profile", saved, [organizationId, id]);
  if (row === undefined) return undefined;
  const stored = (row.secrets ?? []).map(({ path, key_id, data_key_id, ciphertext, fingerprint }) => ({
    path,
    keyId: key_id,
    dataKeyId: data_key_id,
    ciphertext: Buffer.from(ciphertext, "base64"),
    fingerprint,
  }));
  return { profile: toConnectionProfile(row, row.secrets), stored };
}

/** Locks a profile's row and returns the profile, so that of two concurrent writes the second sees the result of the first. */
export async function lockProfile(
  trx: Knex.Transaction,
  organizationId: string,
  id: string,
): Promise<ConnectionProfile | undefined> {
  await profilesOf(trx, organizationId).where({ id }).forUpdate().select("id");
  return readProfile(trx, organizationId, id);
}
