import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { ProfileRow } from "./profile-row.ts";
import { withSecretStates } from "./read-profile.ts";

/** A part of a list. */
export interface ProfilePage {
  readonly profiles: readonly ConnectionProfile[];
  /** True when there are profiles after these. */
  readonly more: boolean;
}

/** A page ends after so many bytes of configurations, with a whole profile: an answer has to stay below 4 MiB. */
const pageBytes = 1_000_000;

// One more than asked for tells whether there is another page. Sizes are summed in the database, so that a page of
// large configurations never gets here.
const statement = `
  select * from (
    select
      profile.*,
      coalesce(sum(octet_length(config::text)) over (order by name rows between unbounded preceding and 1 preceding), 0)
        as bytes_before,
      count(*) over () as candidates
    from (
      select * from connection_profile where organization_id = ? and name > ? order by name limit ?
    ) as profile
  ) as sized
  where bytes_before < ?
  order by name`;

type Row = ProfileRow & { readonly candidates: bigint };

/** The profiles after a name, in the order of their names: `limit` at most, fewer when they are large. */
export async function listProfiles(
  knex: Knex,
  organizationId: string,
  afterName: string,
  limit: number,
): Promise<ProfilePage> {
  const { rows } = await knex.raw<{ rows: Row[] }>(statement, [organizationId, afterName, limit + 1, pageBytes]);
  const page = rows.slice(0, limit);
  return {
    profiles: await withSecretStates(knex, organizationId, page),
    more: page.length < Number(rows[0]?.candidates ?? 0),
  };
}
