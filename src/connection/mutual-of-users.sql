-- Users who are connected to both of two users, from after one id on, in the order of ids.
--
-- * It begins with the one who has fewer connections (counted up to 20 000: beyond that it does not matter much) and looks
--   each of theirs up with the other one. A user with a million connections and one with ten are ten look-ups.
-- * The pair's index finds the connection of two users; least and greatest put them in order, bytewise.
with asked as materialized (
  select user_id, (
      select count(*) from (
        (select from connection c where c.organization_id = :organizationId and c.user_id_1 = user_id and c.is_active limit 10000)
        union all
        (select from connection c where c.organization_id = :organizationId and c.user_id_2 = user_id and c.is_active limit 10000)
      ) as counted
    ) as size
  from unnest(array[cast(:userId as text), cast(:otherUserId as text)] collate "C") as both_users (user_id)
),
chosen as materialized (
  select
    (array_agg(user_id order by size, user_id))[1] as smaller,
    (array_agg(user_id order by size, user_id))[2] as larger
  from asked
)
select
  near.user_id as "userId",
  case when smaller = :userId then near.id else far.id end as "connectionId",
  case when smaller = :userId then far.id else near.id end as "otherConnectionId"
from chosen
cross join lateral (
  select c.user_id_2 as user_id, c.id from connection c
  where c.organization_id = :organizationId and c.user_id_1 = smaller and c.is_active and c.user_id_2 > :after
  union all
  select c.user_id_1 as user_id, c.id from connection c
  where c.organization_id = :organizationId and c.user_id_2 = smaller and c.is_active and c.user_id_1 > :after
) as near
join connection far on far.organization_id = :organizationId and far.is_active
  and far.user_id_1 = least(near.user_id, larger) and far.user_id_2 = greatest(near.user_id, larger)
order by near.user_id
limit :limit
