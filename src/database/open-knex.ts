import knex, { type Knex } from "knex";
import { type Client, TypeOverrides } from "pg";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";
import { keepPreparedNames } from "./prepared-statement-names.ts";
import { limitSocketSilence } from "./socket-silence-limit.ts";

/**
 * Where a PostgreSQL database is: a connection URL, or its parts. `prepare: false` is for a pooler that gives each transaction
 * whichever session is free: nothing is then kept in a session, neither prepared statements nor settings.
 */
export type DatabaseTarget = { readonly url: string; readonly prepare?: boolean } | DatabaseAddress;

export interface DatabaseAddress {
  /** A name or an address, or the folder of a unix socket when it starts with `/`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * Opens a pool of at most `poolMax` connections; nothing is dialled before the first query. int8 comes back as bigint,
 * timestamptz as Date. A statement is cancelled by the server after 30 s, an idle transaction ended after 30 s (by the settings of
 * the user where the target has `prepare: false`); getting a connection fails after 5 s, with QUEUE_FULL when others got one meanwhile.
 * The caller ends it with `knex.destroy()`. `log` gets what Knex reports beside the errors it throws, such as a pooled
 * connection that has broken; without it Knex would print that on standard output.
 */
export function openKnex(target: DatabaseTarget, poolMax: number, log?: Logger, silence = limitSocketSilence()): Knex {
  const prepare = !("prepare" in target) || target.prepare !== false;
  const opened = knex({
    client: "pg",
    connection: {
      ...address(target),
      application_name: "connectory",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      stream: silence.open,
      types: int8AsBigint(),
    },
    pool: { min: 0, max: poolMax, ...(prepare && { afterCreate: limitSession }) },
    // An error that is logged names the statement, not the values in it.
    compileSqlOnError: false,
    acquireConnectionTimeout: 5_000,
    log: {
      debug: (message: string) => log?.debug(message),
      warn: (message: string) => log?.warn(message),
      error: (message: string) => log?.error(message),
      deprecate: (message: string) => log?.warn(message),
    },
  });
  opened.userParams = keepPreparedNames(prepare, log);
  distinguishQueueFromOutage(opened);
  return opened;
}

/**
 * What no answer of the server would end: a statement without an end, and what a process has locked that is frozen inside a
 * transaction. By a statement, because PgBouncer refuses such parameters of a connection unless it is told to ignore them.
 */
function limitSession(connection: Client, done: (error: Error | undefined, connection: Client) => void): void {
  connection.query("set statement_timeout = '30s'; set idle_in_transaction_session_timeout = '30s'").then(
    () => done(undefined, connection),
    (error: Error) => done(error, connection),
  );
}

/**
 * Who has waited in vain for a connection while others got theirs has met a queue that is too long, and not a database that
 * is away.
 */
function distinguishQueueFromOutage(opened: Knex): void {
  const { client } = opened;
  const acquire = client.acquireConnection.bind(client) as () => Promise<unknown>;
  let lastGiven = Number.NEGATIVE_INFINITY;
  const acquireConnection = async () => {
    const since = performance.now();
    try {
      const connection = await acquire();
      lastGiven = performance.now();
      return connection;
    } catch (error) {
      if (!(error instanceof knex.KnexTimeoutError) || lastGiven <= since) throw error;
      throw new ApiError(ErrorReason.QUEUE_FULL, "too many calls wait for the database: try again in a moment", {
        retryAfterMs: 1000,
        cause: error,
      });
    }
  };
  client.acquireConnection = acquireConnection;
}

/** Nothing but our own processes reach a socket's folder, and PostgreSQL has no TLS there, whatever PGSSLMODE says. */
function address(target: DatabaseTarget): Knex.PgConnectionConfig {
  if ("url" in target) return { connectionString: target.url };
  return target.host.startsWith("/") ? { ...target, ssl: false } : { ...target };
}

/** Given per connection: `pg.types.setTypeParser` would change every other user of pg in this process. */
function int8AsBigint(): { getTypeParser(oid: number, format: string): unknown } {
  const types = new TypeOverrides();
  types.setTypeParser(20, BigInt);
  types.setTypeParser(1016, parseInt8Array);
  return { getTypeParser: (oid, format) => types.getTypeParser(oid, format === "binary" ? "binary" : "text") };
}

/** `{1,2,NULL}`, of one dimension. */
function parseInt8Array(value: string): (bigint | null)[] {
  if (value === "{}") return [];
  const items = value.slice(1, -1).split(",");
  return items.map((item) => (item === "NULL" ? null : BigInt(item)));
}
