-- What the scripts need beside the product's tables.
insert into organization values ('bench', 0);
-- Far above the counter of the organization: both scripts of connections write into the same event log.
create sequence free_revision start 1000000000000;

-- The keys that a stored secret must name.
insert into secret_key_check values ('bench', '', now());
insert into secret_data_key values ('bench', 'bench', 'bench', '', true, now());

-- A profile as events and history keep it, as long as the server's.
create function bench_record(id text, name text) returns json language sql immutable as $$
  select (
    '{"id":"' || id || '","name":"' || name || '","connector":"redis","config":{"redis":{"address":'
    || '"redis://127.0.0.1:00000"}},"description":"127.0.0.1:00000","created_at":"2026-01-01T00:00:00.000Z",'
    || '"updated_at":"2026-01-01T00:00:00.000Z","created_by":"bench","updated_by":"bench","secrets":[{"path":"password",'
    || '"set":true,"fingerprint":"0000000000000000","updated_at":"2026-01-01T00:00:00.000Z"},{"path":"tls.key"}]}'
  )::json
$$;
