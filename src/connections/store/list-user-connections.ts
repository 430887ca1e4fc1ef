import type { Knex } from "knex";
import { type ConnectionRecord, connectionColumns } from "../connection-record.ts";

/** The last connection of the previous page. */
export interface ListCursor {
  readonly connectedSince: Date;
  readonly id: string;
}

// Each user column reads at most one page from its own index; the merge sorts at most two pages.
const oneEnd = (userColumn: string) => `
  (select ${connectionColumns} from connection
   where organization_id = :organizationId and ${userColumn} = :userId and is_active
     and (cast(:connectedSince as timestamptz) is null
       or (connected_since, id) < (cast(:connectedSince as timestamptz), cast(:id as uuid)))
   order by connected_since desc, id desc limit :limit)`;

const statement = `
  select * from (${oneEnd("user_id_1")} union all ${oneEnd("user_id_2")}) as page
  order by "connectedSince" desc, id desc limit :limit`;

/** Returns the active connections of a user after `cursor`, the most recently connected first; at most `limit`. */
export async function listUserConnections(
  knex: Knex,
  wanted: { organizationId: string; userId: string; limit: number; cursor: ListCursor | undefined },
): Promise<ConnectionRecord[]> {
  const { organizationId, userId, limit, cursor } = wanted;
  const { rows } = await knex.raw<{ rows: ConnectionRecord[] }>(statement, {
    organizationId,
    userId,
    limit,
    connectedSince: cursor?.connectedSince.toISOString() ?? null,
    id: cursor?.id ?? null,
  });
  return rows;
}
