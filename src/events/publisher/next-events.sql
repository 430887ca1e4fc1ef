-- The next events for a reader of the log, as one statement and so of one moment: an organization's revision is never
-- seen without the event that took it.
--
-- * Organizations that wait are those whose counter is ahead of the reader's cursor. The least recently served come
--   first, at most so many of them, and each gets an equal share of the batch: a busy one cannot starve the others.
--   One that waits alone gets the whole batch.
-- * A left join: an organization that waits and has no event at its cursor comes back as a row of nulls, which is a
--   gap to shout about and not an empty answer.
-- * What is given ends after so many bytes, with whole events: a few large ones must not fill the memory.
--
-- Parameters: the reader, organizations to leave out, how many organizations, how many events and bytes in all.
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
