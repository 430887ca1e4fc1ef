-- Text that is compared or sorted is COLLATE "C": bytewise, whatever the server's locale says.

-- One row per organization: its revision counter. Every write takes the next revision under this row's lock.
create table organization (
  id text collate "C" primary key,
  revision bigint not null
);

-- Two users of an organization are connected. Soft delete: is_active false, archived_at set.
create table connection (
  organization_id text collate "C" not null,
  id uuid not null,
  user_id_1 text collate "C" not null,
  user_id_2 text collate "C" not null,
  connected_since timestamptz not null,
  is_active boolean not null,
  record_version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz,
  owner text collate "C" not null,
  primary key (organization_id, id),
  check (user_id_1 < user_id_2)
);

-- At most one active connection of an unordered pair; a deleted one does not count.
create unique index connection_pair on connection (organization_id, user_id_1, user_id_2) where is_active;

-- The two ends of ListConnections, newest first.
create index connection_of_user_1 on connection (organization_id, user_id_1, connected_since desc, id desc) where is_active;
create index connection_of_user_2 on connection (organization_id, user_id_2, connected_since desc, id desc) where is_active;

-- The event log. Revisions are gap-free per organization and commit order is revision order.
-- data is json, not jsonb: it is written once and handed on as it is (no parse into a tree on the write path).
create table event (
  organization_id text collate "C" not null,
  revision bigint not null,
  id uuid not null,
  type text not null,
  subject text not null,
  key text not null,
  actor text not null,
  request_id text not null,
  traceparent text,
  occurred_at timestamptz not null,
  data json not null,
  primary key (organization_id, revision)
);

-- How far a reader of the event log has come in each organization.
create table event_cursor (
  reader text not null,
  organization_id text collate "C" not null,
  revision bigint not null,
  updated_at timestamptz not null default now(),
  primary key (reader, organization_id)
);

-- Who does a job that only one process may do at a time, and until when it may without saying so again.
create table lease (
  name text primary key,
  holder text not null,
  expires_at timestamptz not null
);

-- A named configuration of an external system. config is protobuf JSON without its secrets.
create table connection_profile (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  name text collate "C" not null,
  connector text collate "C" not null,
  config jsonb not null,
  description text not null,
  etag text not null,
  revision bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  created_by text collate "C" not null,
  updated_by text collate "C" not null,
  primary key (organization_id, id)
);

create unique index connection_profile_name on connection_profile (organization_id, name);

-- The secrets of a profile, one row per secret field, encrypted with AES-256-GCM.
create table connection_profile_secret (
  organization_id text collate "C" not null,
  profile_id text collate "C" not null,
  path text collate "C" not null,
  key_id text not null,
  ciphertext bytea not null,
  fingerprint text not null,
  updated_at timestamptz not null,
  primary key (organization_id, profile_id, path),
  foreign key (organization_id, profile_id) references connection_profile (organization_id, id) on delete cascade
);
