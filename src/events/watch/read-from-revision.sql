-- Reads the next events of several organizations, each after a position and up to a limit, in one statement and so from
-- one snapshot. Data is returned only for events of the given types; the others complete the sequence of revisions.
--
-- A left join: an organization with a counter ahead of the position, but without an event there, returns a row of nulls.
-- That row is a gap and not an empty result.
--
-- Parameters: the types; organizations, positions and limits.
select
  wanted.ord, event.revision, event.type,
  case when event.type = any (?::text[]) then event.data end as data
from unnest(?::text[], ?::bigint[], ?::int[]) with ordinality as wanted (organization_id, position, how_many, ord)
join organization on organization.id = wanted.organization_id and organization.revision > wanted.position
left join lateral (
  select revision, type, data from event
  where event.organization_id = wanted.organization_id and event.revision > wanted.position
  order by event.revision
  limit wanted.how_many
) as event on true
order by wanted.ord, event.revision
