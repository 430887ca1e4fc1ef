-- The rows of a CreateConnectionProfile with one secret, in the order in which they must be written: the organization's
-- counter late, because its lock lasts until the commit. Sealed bytes and records have the lengths of the server's.
\set n random(1, 9000000000000000000)
begin;
insert into connection_profile (
  organization_id, id, name, connector, config, description, labels, etag, revision, created_at, updated_at,
  created_by, updated_by
) values (
  'bench', 'cp_' || :n::text, 'bench ' || :n::text, 'redis', '{"redis":{"address":"redis://127.0.0.1:00000"}}',
  '127.0.0.1:00000', '{}', '', 0, now(), now(), 'bench', 'bench'
);
insert into connection_profile_secret (
  organization_id, profile_id, path, data_key_id, ciphertext, fingerprint, updated_at
) values (
  'bench', 'cp_' || :n::text, 'password', 'bench', decode(repeat('5a', 93), 'hex'), '0123456789abcdef', now()
);
update organization set revision = revision + 1 where id = 'bench' returning revision \gset
insert into event (organization_id, revision, id, type, subject, key, actor, request_id, occurred_at, data) values (
  'bench', :revision, uuidv7(), 'connection-profile.created', 'cp_' || :n::text, 'cp_' || :n::text, 'bench',
  gen_random_uuid(), now(), json_build_object('connection_profile', bench_record('cp_' || :n::text, 'bench ' || :n::text))
);
update connection_profile set revision = :revision, etag = 'r' || :revision::text
where organization_id = 'bench' and id = 'cp_' || :n::text;
insert into connection_profile_revision (
  organization_id, profile_id, revision, change, changed_fields, record, created_at, created_by
) values ('bench', 'cp_' || :n::text, :revision, 'CREATED', '{}', bench_record('cp_' || :n::text, 'bench ' || :n::text), now(), 'bench');
commit;
