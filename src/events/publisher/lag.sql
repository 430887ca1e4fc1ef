-- The lag of a reader of the log: the number of waiting events, of their organizations, and the age of the oldest one.
--
-- * The numbers come from the counters alone: no event is counted. 100 000 organizations of which none waits took 92 ms,
--   and 125 ms when all of them do (median of 7, two busy cores). So it runs at most once in 5 s.
-- * The age is that of the first event behind the cursor, looked up for the 1000 least recently served organizations:
--   after a long outage all of them wait, and the statement must not take seconds.
--
-- Parameter: the reader.
with behind as (
  select
    organization.id, coalesce(event_cursor.revision, 0) as position, event_cursor.updated_at as served_at,
    organization.revision - coalesce(event_cursor.revision, 0) as waiting
  from organization
  left join event_cursor on event_cursor.reader = ? and event_cursor.organization_id = organization.id
  where organization.revision > coalesce(event_cursor.revision, 0)
),
longest as (
  select * from behind order by served_at nulls first, id limit 1000
)
select
  (select coalesce(sum(waiting), 0) from behind)::float8 as events,
  (select count(*) from behind)::float8 as organizations,
  coalesce(extract(epoch from now() - min(event.occurred_at)), 0)::float8 as "ageSeconds"
from longest
left join event on event.organization_id = longest.id and event.revision = longest.position + 1
