-- Profiles with labels, history, soft delete and the last test; secrets under a data key per organization.

alter table connection_profile
  add column labels jsonb not null default '{}',
  add column deleted_at timestamptz,
  -- The LastTest message as protobuf JSON, without its report, which lists leave out.
  add column last_test json,
  add column last_test_report json;

-- A deleted profile does not hold its name.
drop index connection_profile_name;
create unique index connection_profile_name on connection_profile (organization_id, name) where deleted_at is null;

-- The orders of ListConnectionProfiles beside the one by name; id makes them total.
create index connection_profile_by_name on connection_profile (organization_id, name, id);
create index connection_profile_by_created_at on connection_profile (organization_id, created_at, id);
create index connection_profile_by_updated_at on connection_profile (organization_id, updated_at, id);

-- Every state that a profile had, without secrets. record is the ConnectionProfile message as protobuf JSON.
create table connection_profile_revision (
  organization_id text collate "C" not null,
  profile_id text collate "C" not null,
  revision bigint not null,
  change text not null,
  changed_fields text[] not null,
  record jsonb not null,
  created_at timestamptz not null,
  created_by text collate "C" not null,
  primary key (organization_id, profile_id, revision),
  foreign key (organization_id, profile_id) references connection_profile (organization_id, id) on delete cascade
);

-- Profiles that are there already begin their history with the state of now.
insert into connection_profile_revision
select organization_id, id, revision, 'CREATED', '{}', jsonb_build_object(
    'id', id, 'name', name, 'connector', connector, 'config', config, 'description', description, 'etag', etag,
    'revision', revision::text, 'created_by', created_by, 'updated_by', updated_by,
    'created_at', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'updated_at', to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
  created_at, created_by
from connection_profile;

-- Creates under a request_id. body is a keyed hash of the request, which holds secrets; record is what was answered.
create table connection_profile_request (
  organization_id text collate "C" not null,
  request_id uuid not null,
  body text not null,
  record jsonb not null,
  created_at timestamptz not null,
  primary key (organization_id, request_id)
);

create index connection_profile_request_age on connection_profile_request (created_at);

-- A known text sealed with each key-encryption key (KEK) that was ever in use: a start with another key of that name is
-- refused. What wraps with a KEK refers to its row, so a KEK whose row could be removed is needed by nothing.
create table secret_key_check (
  key_encryption_key_id text collate "C" primary key,
  sealed bytea not null,
  created_at timestamptz not null
);

-- Data keys, each wrapped (AES-256-GCM) with a KEK. One per organization is current; former ones stay while secrets need them.
create table secret_data_key (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  key_encryption_key_id text collate "C" not null references secret_key_check,
  wrapped bytea not null,
  is_current boolean not null,
  created_at timestamptz not null,
  primary key (organization_id, id)
);

create unique index secret_data_key_current on secret_data_key (organization_id) where is_current;
create index secret_data_key_former on secret_data_key (organization_id, id) where not is_current;
create index secret_data_key_by_key on secret_data_key (key_encryption_key_id, organization_id, id);

-- The rotation of data keys that has begun and not ended: a current data key that is older than it has its turn still.
create table secret_rotation (
  only_one boolean primary key default true check (only_one),
  started_at timestamptz not null
);

-- The data key that a secret is sealed with. Null on rows of version 0.1, which are sealed with key_id itself.
-- The foreign key is what makes it safe to remove a data key: it cannot go while a secret needs it.
alter table connection_profile_secret
  alter column key_id drop not null,
  add column data_key_id text collate "C",
  add constraint connection_profile_secret_key check ((key_id is null) <> (data_key_id is null)),
  add foreign key (organization_id, data_key_id) references secret_data_key (organization_id, id);

create index connection_profile_secret_by_data_key on connection_profile_secret (organization_id, data_key_id, profile_id, path);

-- Empty once all are upgraded: a start asks it.
create index connection_profile_secret_of_v1 on connection_profile_secret (organization_id, profile_id, path, key_id) where key_id is not null;
