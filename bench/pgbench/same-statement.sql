-- The same rows with the organization's next revision, taken under its row lock as a create must: insert, count what
-- was inserted, move the counter by it.
with pair as materialized (
  select
    uuidv7() as id,
    'a' || gen_random_uuid() as user_id_1,
    'b' || gen_random_uuid() as user_id_2
), created as (
  insert into connection (
    organization_id, id, user_id_1, user_id_2, connected_since, is_active, record_version, created_at, updated_at, owner
  )
  select 'bench', id, user_id_1, user_id_2, now(), true, 1, now(), now(), 'bench' from pair
  returning id
), counter as (
  update organization set revision = revision + (select count(*) from created) where id = 'bench' returning revision
)
insert into event (organization_id, revision, id, type, subject, key, actor, request_id, occurred_at, data)
select
  'bench', revision, uuidv7(), 'connection.created', id, user_id_1 || ',' || user_id_2, 'bench',
  gen_random_uuid(), now(),
  ('{"connection":{"id":"' || id || '","connectedSince":"2026-01-01T00:00:00.000Z","userId1":"' || user_id_1 || '","userId2":"'
    || user_id_2 || '","isActive": true,"recordVersion":1,"createdAt":"2026-01-01T00:00:00.000Z",'
    || '"updatedAt":"2026-01-01T00:00:00.000Z","_owner":"bench"}}')::json
from pair, counter;
