-- What this implementation needs beside the tables of src/database/migrations: the rows that a publisher would poll.
create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  payload json not null,
  created_at timestamptz not null default now()
);
insert into organization values ('bench', 0);
