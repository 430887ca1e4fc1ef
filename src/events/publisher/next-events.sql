-- The next events for a reader of the log, in one statement and so from one snapshot: an organization's revision is never
-- seen without its event.
--
-- * Waiting organizations are those with a counter ahead of the reader's cursor. The least recently served come first, up
--   to the given number, and each gets an equal share of the batch: a busy one cannot starve the others. A single waiting
--   organization gets the whole batch.
-- * A left join: a waiting organization without an event at its cursor returns a row of nulls, which is a gap to be
--   reported and not an empty result.
-- * The result ends after the given bytes, with complete events: a few large ones must not fill the memory.
--
-- Parameters: the reader, organizations to leave out, the numbers of organizations, events and bytes.
with waiting as (
  select
    organization.id, coalesce(event_cursor.revision, 0) as position,
    event_cursor.updated_at as served_at
  from organization
  left join event_cursor on event_cursor.reader = ? and event_cursor.organization_id = organization.id
  where organization.revision > coalesce(event_cursor.revision, 0) and organization.id <> all (?::text[])
  order by event_cursor.updated_at nulls first, organization.id
  limit ?
),
shared as (
  select waiting.*, greatest(?::int / count(*) over (), 1) as share from waiting
),
found as (
  select
    shared.id as "organizationId", shared.position, event.revision, event.id, event.type, event.subject, event.key,
    event.actor, event.request_id as "requestId", event.traceparent, event.tracestate,
    event.occurred_at as "occurredAt", event.data,
    row_number() over given as ord,
    coalesce(sum(octet_length(event.data::text)) over (given rows between unbounded preceding and 1 preceding), 0)
      as bytes_before
  from shared
  left join lateral (
    select * from event
    where event.organization_id = shared.id and event.revision > shared.position
    order by event.revision
    limit shared.share
  ) as event on true
  window given as (order by shared.served_at nulls first, shared.id, event.revision)
)
select
  "organizationId", position, revision, id, type, subject, key, actor, "requestId", traceparent, tracestate, "occurredAt",
  data
from found
where bytes_before < ?
order by ord
