-- Appends a batch of events, each under the next revision of its organization. Returns the revisions in the order of the
-- batch. Organizations are locked in the order of their ids: two batches cannot deadlock on them.
with input as (
  select * from unnest(
    ?::text[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
    ?::timestamptz[], ?::json[]
  ) with ordinality as item (
    organization_id, id, type, subject, key, actor, request_id, traceparent, tracestate, occurred_at, data, ord
  )
),
revised as (
  insert into organization (id, revision)
  select organization_id, count(*) from input group by organization_id order by organization_id
  on conflict (id) do update set revision = organization.revision + excluded.revision
  returning id as organization_id, revision
),
numbered as (
  select input.*, revised.revision + 1 - row_number() over (partition by organization_id order by ord desc) as revision
  from input join revised using (organization_id)
),
logged as (
  insert into event (
    organization_id, revision, id, type, subject, key, actor, request_id, traceparent, tracestate, occurred_at, data
  )
  select
    organization_id, revision, id, type, subject, key, actor, request_id, traceparent, tracestate, occurred_at, data
  from numbered
)
select revision from numbered order by ord
