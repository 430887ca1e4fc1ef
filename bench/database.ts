import pg from "pg";

/** The PostgreSQL server that every row of the bench runs on: the one that the server under test has started. */
export interface Database {
  /** The folder of its socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** The same, as psql, pgbench and pg read it from the environment. */
export function toEnvironment({ host, port, user, database }: Database): Record<string, string> {
  return { PGHOST: host, PGPORT: String(port), PGUSER: user, PGDATABASE: database };
}

/** Runs one statement, or several without parameters, on a connection of its own. */
export async function query(database: Database, sql: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ ...database });
  await client.connect();
  try {
    const { rows } = await (values === undefined ? client.query(sql) : client.query(sql, values));
    return rows ?? [];
  } finally {
    await client.end();
  }
}
