import { Client } from "pg";
import type { DatabaseState } from "./evidence.ts";

/** Reads the tables and the log as they are, past the service. The numbers of revisions come as text and become bigint. */
export async function readDatabase(url: string): Promise<DatabaseState> {
  const client = new Client({ connectionString: url, types: { getTypeParser: () => String } });
  await client.connect();
  try {
    // One snapshot for all of it: a call that was given up may still be at work.
    await client.query("begin transaction isolation level repeatable read read only");
    const rows = async (sql: string) => (await client.query<Record<string, string>>(sql)).rows;
    return {
      organizations: (await rows("select id, revision from organization order by id")).map(
        ({ id = "", revision = "" }) => ({ id, revision: BigInt(revision) }),
      ),
      events: (await rows(events)).map((row) => ({
        organization: row.organization_id ?? "",
        revision: BigInt(row.revision ?? ""),
        id: row.id ?? "",
        type: row.type ?? "",
        subject: row.subject ?? "",
        key: row.key ?? "",
        operation: row.operation ?? "",
      })),
      connections: (await rows(connections)).map(toRow),
      profiles: (await rows(profiles)).map(toRow),
      history: (await rows("select organization_id, profile_id, revision from connection_profile_revision")).map(
        (row) => ({ ...toRow({ ...row, id: row.profile_id ?? "" }), revision: BigInt(row.revision ?? "") }),
      ),
    };
  } finally {
    await client.end();
  }
}

/** The writers put the name of a write into the label `op` of its profile; a write of a connection is named by the connection. */
const events = `
  select organization_id, revision, id, type, subject, key,
    case when type in ('connection-profile.created', 'connection-profile.updated')
      then data #>> '{connection_profile,labels,op}' else subject end as operation
  from event order by organization_id, revision`;

const connections = `
  select organization_id, id, case when is_active then 'active' else 'deleted' end || ', version ' || record_version as state
  from connection`;

const profiles = `
  select organization_id, id, case when deleted_at is null then 'active' else 'deleted' end || ', version ' || revision as state
  from connection_profile`;

function toRow({ organization_id: organization = "", id = "", state = "" }: Record<string, string>) {
  return { organization, id, state };
}

/** How many events the relay has not published yet. */
export async function countUnpublished(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>(`
      select coalesce(sum(o.revision - coalesce(c.revision, 0)), 0)::float8 as n
      from organization o left join event_cursor c on c.organization_id = o.id`);
    return rows[0]?.n ?? 0;
  } finally {
    await client.end();
  }
}

/** Organizations whose log has a gap, or another end than their counter, a sentence each. Cheap enough for every round. */
export async function findGaps(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ what: string }>(`
      select o.id || ': ' || count(e.revision) || ' events, counter at ' || o.revision as what
      from organization o left join event e on e.organization_id = o.id
      group by o.id, o.revision having count(e.revision) <> o.revision`);
    return rows.map(({ what }) => what);
  } finally {
    await client.end();
  }
}
