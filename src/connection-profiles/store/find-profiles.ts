import type { Knex } from "knex";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { runPrepared } from "../../database/run-prepared.ts";
import { type ProfileRow, type SecretStateRows, toConnectionProfile } from "./profile-row.ts";

/** The key of a profile. */
export interface ProfileKey {
  readonly organizationId: string;
  readonly id: string;
}

/** SQL: the visible states of the secrets of the row `profile` of the surrounding statement. Nothing is decrypted. */
export const secretStatesSql = `(
    select json_agg(json_build_object('path', path, 'fingerprint', fingerprint, 'updated_at', updated_at))
    from connection_profile_secret as secret
    where secret.organization_id = profile.organization_id and secret.profile_id = profile.id
  )`;

const byId = `
  select item.ord, profile.*, ${secretStatesSql} as secret_states
  from unnest(?::text[], ?::text[]) with ordinality as item (wanted_organization, wanted_id, ord)
  join connection_profile as profile
    on profile.organization_id = item.wanted_organization and profile.id = item.wanted_id`;

type Row = ProfileRow & { ord: bigint; secret_states: SecretStateRows };

/**
 * Reads many profiles with one statement, deleted ones too. Returns undefined for each key without a profile. A profile and the
 * states of its secrets are from one snapshot.
 */
export async function findProfiles(
  knex: Knex,
  keys: readonly ProfileKey[],
): Promise<(ConnectionProfile | undefined)[]> {
  const found = new Array<ConnectionProfile | undefined>(keys.length).fill(undefined);
  const bindings = [keys.map(({ organizationId }) => organizationId), keys.map(({ id }) => id)];
  for (const { ord, secret_states, ...row } of await runPrepared<Row>(knex, "find-profiles", byId, bindings))
    found[Number(ord) - 1] = toConnectionProfile(row, secret_states);
  return found;
}
