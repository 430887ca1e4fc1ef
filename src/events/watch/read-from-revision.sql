-- The next events of several organizations, each after a position and at most so many, as one statement and so of one
-- moment. What is in an event comes only with the types that are asked for; the others keep the revisions without gaps.
--
-- A left join: an organization whose counter is ahead and that has no event there comes back as a row of nulls. That is a
-- gap to tell of and not an empty answer.
--
-- Parameters: the types; organizations, positions and how many of each.
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
