-- How far a reader of the log is behind: how many events wait, of how many organizations, and since when the oldest does.
--
-- * The counters alone say how many: no event is counted. 100 000 organizations of which none waits took 92 ms, and 125 ms
--   when all of them do (median of 7, two busy cores). So it is asked once in five seconds at most.
-- * The age is that of the first event behind the cursor, looked up for the 1000 organizations that were served the
--   longest time ago: after a long outage all of them wait, and the answer must not take seconds.
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
