import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { explainFileError } from "../config/small-file.ts";
import { explainDatabaseError } from "./explain-database-error.ts";

/** Milliseconds in which the database must accept a connection, and answer. */
const timeoutMs = 5_000;
/** Milliseconds that an orderly end of the connection may take. */
const endMs = 500;

/** What the server says about itself and about the rights of its user. */
interface ServerState {
  readonly user: string;
  readonly database: string;
  /** Null: no schema of `search_path` exists, or none may be used. */
  readonly schema: string | null;
  readonly mayCreate: boolean | null;
  readonly isMigrated: boolean;
  readonly standby: boolean;
  readonly readOnly: string;
  /** The tables of this service that the user may not read and write. */
  readonly withoutRights: string[] | null;
}

const statement = `
  select current_user as "user", current_database() as "database", current_schema() as "schema",
    has_schema_privilege(current_schema(), 'create') as "mayCreate",
    to_regclass('migration') is not null as "isMigrated",
    pg_is_in_recovery() as "standby", current_setting('transaction_read_only') as "readOnly",
    (select array_agg(relname::text order by relname) from pg_class
      where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and relname = any ($1)
        and not (has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
          and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete'))) as "withoutRights"`;

/** The tables that the service writes; `test/startup-checks/check-database.test.ts` compares them with the migrations. */
export const ownTables: readonly string[] = [
  ...["connection", "connection_profile", "connection_profile_request", "connection_profile_revision"],
  ...["connection_profile_secret", "event", "event_cursor", "lease", "migration", "organization"],
  ...["secret_attempt", "secret_data_key", "secret_key_check", "secret_rotation"],
];

/**
 * Returns why the database of a URL cannot be used, and what to do, to follow the name of the setting; undefined when it can.
 * Connects once: host, port, TLS, password, database, and the rights of the user. The password is in no description.
 */
export async function checkDatabase(url: string): Promise<string | undefined> {
  const socket = new Socket();
  let client: Client;
  try {
    client = new Client({
      connectionString: url,
      application_name: "connectory",
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      stream: () => socket,
    });
  } catch (error) {
    return explainParameters(error);
  }
  client.on("error", () => undefined); // the error of the statement is reported instead
  const target = { host: client.host, port: client.port, user: client.user ?? "", database: client.database ?? "" };
  try {
    await client.connect();
    const { rows } = await client.query<ServerState>(statement, [ownTables]);
    return rows[0] && explainState(rows[0]);
  } catch (error) {
    return explainDatabaseError(error, target);
  } finally {
    await Promise.race([client.end().catch(() => undefined), sleep(endMs, undefined, { ref: false })]);
    socket.destroy(); // an open one would hold up the end of the process
  }
}

/** pg reads the files of sslcert, sslkey and sslrootcert, and rejects other parameters, before it connects. */
function explainParameters(error: unknown): string {
  const { path } = error as NodeJS.ErrnoException;
  if (path !== undefined) return `a file of its TLS parameters: ${explainFileError(path, error)}`;
  return `has a parameter that cannot be used: ${error instanceof Error ? error.message : String(error)}`;
}

function explainState({ user, database, schema, ...state }: ServerState): string | undefined {
  if (state.readOnly !== "off")
    return state.standby
      ? "leads to a standby, which takes no writes: the service needs the primary, or that this one is promoted"
      : "leads to a database that is set to read only (default_transaction_read_only): the service needs one that takes writes";
  if (schema === null)
    return `user ${user} has no schema to use in database ${database}: run there \`grant usage, create on schema public to "${user}"\``;
  if (!state.isMigrated && state.mayCreate !== true)
    return `user ${user} may not create tables in database ${database}: run there \`grant create on schema ${schema} to "${user}"\``;
  if (state.withoutRights !== null)
    return `user ${user} may not read and write ${state.withoutRights.join(", ")} in database ${database}: run there \`grant select, insert, update, delete on all tables in schema ${schema} to "${user}"\``;
  return undefined;
}
