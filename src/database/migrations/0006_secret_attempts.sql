-- How far a user has used up the attempts at the secrets of a profile, or at a request_id whose request holds secrets: who may
-- compare fingerprints, or send a request again with other fields, could try out short secrets one after the other.
-- Rows that are free again say nothing and are removed as others come.
create table secret_attempt (
  organization_id text collate "C" not null,
  -- The id of a profile, or what a request_id is kept under.
  subject text collate "C" not null,
  user_id text collate "C" not null,
  -- Each attempt moves it on by the time that one costs.
  free_at timestamptz not null,
  primary key (organization_id, subject, user_id)
);

create index secret_attempt_free on secret_attempt (free_at);
