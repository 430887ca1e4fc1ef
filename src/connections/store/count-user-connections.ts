import type { Knex } from "knex";
import { runPrepared } from "../../database/run-prepared.ts";

// Each of the two user columns has an index of active connections that begins with the organization and the user.
const statement = `
  select (
    (select count(*) from connection where organization_id = item.organization_id and user_id_1 = item.user_id and is_active)
    + (select count(*) from connection where organization_id = item.organization_id and user_id_2 = item.user_id and is_active)
  )::int as count
  from (select ?::text, ?::text) as item (organization_id, user_id)`;

/** Returns the number of active connections of a user. */
export async function countUserConnections(
  knex: Knex,
  { organizationId, userId }: { organizationId: string; userId: string },
): Promise<number> {
  const [row] = await runPrepared<{ count: number }>(knex, "count-user-connections", statement, [
    organizationId,
    userId,
  ]);
  return row?.count ?? 0;
}
