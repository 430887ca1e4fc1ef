import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import { type ProfileRow, type SecretRow, toConnectionProfile } from "./profile-row.ts";

/** The profiles of one organization. */
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
