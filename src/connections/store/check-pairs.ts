import type { Knex } from "knex";
import { runPrepared } from "../../database/run-prepared.ts";
import type { UserPair } from "../user-pair.ts";
import { byPair } from "./join-connection.ts";

/** Pairs of one organization, each with the lower user id first. */
export interface PairsToCheck {
  readonly organizationId: string;
  readonly pairs: readonly UserPair[];
}

const statement = `
  select item.ord, c.id
  from unnest(?::text[], ?::text[], ?::text[]) with ordinality as item (organization_id, user_id_1, user_id_2, ord)
  ${byPair}`;

/** Returns the ids of the active connections of pairs, all from one snapshot; undefined for a pair that is not connected. */
export async function checkPairs(knex: Knex, { organizationId, pairs }: PairsToCheck): Promise<(string | undefined)[]> {
  const rows = await runPrepared<{ ord: bigint; id: string }>(knex, "check-pairs", statement, [
    pairs.map(() => organizationId),
    pairs.map(({ userId1 }) => userId1),
    pairs.map(({ userId2 }) => userId2),
  ]);
  const ids = new Array<string | undefined>(pairs.length).fill(undefined);
  for (const { ord, id } of rows) ids[Number(ord) - 1] = id;
  return ids;
}
