import type { Knex } from "knex";
import { forceIndexPlan } from "../../database/force-index-plan.ts";
import { byPair } from "./join-connection.ts";

/** A user who is connected to both of two users, and the ids of the two connections. */
export interface Mutual {
  readonly userId: string;
  readonly connectionId: string;
  readonly otherConnectionId: string;
}

/** The two users of a mutual list, and its page: at most `limit` users with an id after `after`. */
export interface MutualQuery {
  readonly organizationId: string;
  readonly userId: string;
  readonly otherUserId: string;
  readonly limit: number;
  readonly after: string;
}

// A user's connections with users whose ids sort before (lower) and after (upper) the user's own. Each is read in the order of
// one index, see force-index-plan.ts: that of the upper ones is the order of ids, the lower ones have to be sorted.
const lowerOf = (user: string) => `
  from connection where is_active
    and (organization_id, user_id_2) >= (:organizationId, ${user}) and (organization_id, user_id_2) <= (:organizationId, ${user})`;
const lowerOrder = "order by organization_id, user_id_2, connected_since desc, id desc";
const upperOf = (user: string) => `
  from connection where is_active
    and (organization_id, user_id_1) >= (:organizationId, ${user}) and (organization_id, user_id_1) <= (:organizationId, ${user})`;
const upperOrder = "order by organization_id, user_id_1, user_id_2";

/**
 * Orders the two users by their number of connections, the smaller first. Counts stop at 10 000 for each of the two columns:
 * beyond that the order makes little difference.
 */
const bySize = `
  select user_id as "userId"
  from unnest(array[cast(:userId as text), cast(:otherUserId as text)]) as asked (user_id)
  order by (
    select count(*) from (
      (select ${lowerOf("asked.user_id")} ${lowerOrder} limit 10000)
      union all
      (select ${upperOf("asked.user_id")} ${upperOrder} limit 10000)
    ) as counted
  ), user_id`;

/** Selects those connections of `smaller` in `near` whose other user is also connected with `larger`, in the given order. */
const alsoWithLarger = (near: string, order: string) => `
  select item.near_user_id as "userId", item.near_id as "near", c.id as "far"
  from (
    select
      near.user_id as near_user_id, near.id as near_id, near.organization_id,
      least(near.user_id, :larger) as user_id_1, greatest(near.user_id, :larger) as user_id_2, near.own_user_id
    from (${near}) as near
  ) as item ${byPair}
  order by ${order}
  limit :limit`;

const lowerPage = alsoWithLarger(
  `select * from (
    select organization_id, user_id_2 as own_user_id, user_id_1 as user_id, id ${lowerOf(":smaller")}
      and user_id_1 > :after and cast(:after as text) collate "C" < :smaller
    ${lowerOrder}
  ) as lower order by user_id`,
  "item.near_user_id",
);

// Ordered by all columns of the index and not by the last alone: otherwise the whole list is read and sorted.
const upperPage = alsoWithLarger(
  `select organization_id, user_id_1 as own_user_id, user_id_2 as user_id, id ${upperOf(":smaller")}
    and (organization_id, user_id_1, user_id_2) > (:organizationId, :smaller, :after)
  ${upperOrder}`,
  "item.organization_id, item.own_user_id, item.near_user_id",
);

/**
 * Returns the users who are connected to both of two users, in the order of their ids. The connections of the user with fewer
 * are read, and each is looked up with the other user until the page is full: a user with a million connections and one with
 * ten are ten look-ups. The cost is at most one look-up per connection of the smaller list, whatever statistics the planner
 * has.
 */
export function listMutualUsers(knex: Knex, wanted: MutualQuery): Promise<Mutual[]> {
  return knex.transaction(async (trx) => {
    await forceIndexPlan(trx);
    const read = async <Row>(sql: string, bindings: Record<string, string | number>): Promise<Row[]> =>
      (await trx.raw<{ rows: Row[] }>(sql, { ...wanted, ...bindings })).rows;
    const [first, second] = await read<{ userId: string }>(bySize, {});
    const users = { smaller: first?.userId ?? "", larger: second?.userId ?? "" };
    const lower = await read<Found>(lowerPage, users);
    const left = wanted.limit - lower.length;
    const page = left === 0 ? lower : lower.concat(await read<Found>(upperPage, { ...users, limit: left }));
    const ofUser = users.smaller === wanted.userId;
    return page.map(({ userId, near, far }) => ({
      userId,
      connectionId: ofUser ? near : far,
      otherConnectionId: ofUser ? far : near,
    }));
  });
}

interface Found {
  readonly userId: string;
  /** The connection with the user who has fewer connections; `far` is that with the other. */
  readonly near: string;
  readonly far: string;
}
