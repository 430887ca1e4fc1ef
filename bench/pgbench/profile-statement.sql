-- The same rows in one statement: what is left of a transaction's round trips, above all those under the lock.
\set n random(1, 9000000000000000000)
with counter as (
  update organization set revision = revision + 1 where id = 'bench' returning revision
), profile as (
  insert into connection_profile (
    organization_id, id, name, connector, config, description, labels, etag, revision, created_at, updated_at,
    created_by, updated_by
  )
  select
    'bench', 'cp_' || :n::text, 'bench ' || :n::text, 'redis', '{"redis":{"address":"redis://127.0.0.1:00000"}}',
    '127.0.0.1:00000', '{}', 'r' || revision, revision, now(), now(), 'bench', 'bench'
  from counter
  returning id, name, revision
), secret as (
  insert into connection_profile_secret (
    organization_id, profile_id, path, data_key_id, ciphertext, fingerprint, updated_at
  )
  select 'bench', id, 'password', 'bench', decode(repeat('5a', 93), 'hex'), '0123456789abcdef', now() from profile
), history as (
  insert into connection_profile_revision (
    organization_id, profile_id, revision, change, changed_fields, record, created_at, created_by
  )
  select 'bench', id, revision, 'CREATED', '{}', bench_record(id, name), now(), 'bench' from profile
)
insert into event (organization_id, revision, id, type, subject, key, actor, request_id, occurred_at, data)
select
  'bench', revision, uuidv7(), 'connection-profile.created', id, id, 'bench', gen_random_uuid(), now(),
  json_build_object('connection_profile', bench_record(id, name))
from profile;
