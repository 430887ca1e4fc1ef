-- Writes a batch of connections, their organizations' revisions and their events in one statement: a connection
-- without its event, or a revision without either, cannot be expressed.
--
-- * Insert first, count the inserted rows, and only then take the organizations' row locks, so that they are held just
--   until the commit. Revisions are numbered back from the counter: gap-free, commit order = revision order.
-- * A connected pair, or an id that is taken, inserts nothing (on conflict do nothing) and has no row in the result; the
--   calling code looks up the reason.
-- * Inserts are sorted by pair and counters by organization: two processes cannot deadlock on each other's keys.
-- * A lock held by another transaction must not delay the other organizations of the batch: the statement is cancelled
--   after the last parameter's milliseconds (lock_timeout, of this statement alone, set before the first row is inserted).
-- * Of two equal items in one batch the first in order is inserted (distinct on … ord).
--
-- Reason for one statement: 64 callers on two cores with fsync, one organization: 0.9 thousand/s with a statement per
-- connection, several times that in batches of up to 100 (npm run bench prints the present figures).
with input as (
  select item.* from unnest(
    ?::text[], ?::uuid[], ?::text[], ?::text[], ?::timestamptz[], ?::timestamptz[], ?::text[],
    ?::uuid[], ?::text[], ?::text[], ?::text[], ?::json[]
  ) with ordinality as item (
    organization_id, id, user_id_1, user_id_2, connected_since, created_at, owner,
    event_id, request_id, traceparent, tracestate, data, ord
  ), (select set_config('lock_timeout', ?, true)) as patience
),
inserted as (
  insert into connection (
    organization_id, id, user_id_1, user_id_2, connected_since, is_active, record_version, created_at, updated_at, owner
  )
  select organization_id, id, user_id_1, user_id_2, connected_since, true, 1, created_at, created_at, owner
  from input
  order by organization_id, user_id_1, user_id_2, ord
  on conflict do nothing
  returning organization_id, id, user_id_1, user_id_2
),
written as (
  select distinct on (organization_id, id, user_id_1, user_id_2) input.*
  from input join inserted using (organization_id, id, user_id_1, user_id_2)
  order by organization_id, id, user_id_1, user_id_2, ord
),
revised as (
  insert into organization (id, revision)
  select organization_id, count(*) from written group by organization_id order by organization_id
  on conflict (id) do update set revision = organization.revision + excluded.revision
  returning id as organization_id, revision
),
numbered as (
  select
    written.*,
    revised.revision + 1 - row_number() over (partition by organization_id order by ord desc) as revision
  from written join revised using (organization_id)
),
logged as (
  insert into event (
    organization_id, revision, id, type, subject, key, actor, request_id, traceparent, tracestate,
    occurred_at, data
  )
  select
    organization_id, revision, event_id, 'connection.created', id, user_id_1 || ',' || user_id_2, owner,
    request_id, traceparent, tracestate, created_at, data
  from numbered
)
select ord, revision from numbered
