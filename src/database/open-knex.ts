import knex, { type Knex } from "knex";
import { type Client, TypeOverrides } from "pg";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";
import { keepPreparedNames } from "./prepared-statement-names.ts";
import { limitSocketSilence } from "./socket-silence-limit.ts";

/**
 * The address of a PostgreSQL database: a connection URL, or its parts. `prepare` (default: true): false is for a pooler that
 * gives each transaction any free session; sessions then have no prepared statements and no settings.
 */
export type DatabaseTarget = { readonly url: string; readonly prepare?: boolean } | DatabaseAddress;

/** The parts of a PostgreSQL database's address. */
export interface DatabaseAddress {
  /** A host name or an address, or the folder of a unix socket when it starts with `/`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * Returns a pool of at most `poolMax` connections, the first opened for the first query. int8 values are bigint, timestamptz
 * values are Date. The server cancels a statement after 30 s and ends an idle transaction after 30 s (by the settings of the
 * database user where the target has `prepare: false`); acquiring a connection fails after 5 s, with QUEUE_FULL if others
 * acquired one meanwhile. The calling code closes it with `knex.destroy()`. `log` gets Knex's own messages, such as a broken
 * pooled connection (default: dropped). `silence` limits the time without data on a socket (default: 35 s).
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
    // Logged errors contain the statement but not its values.
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
 * Limits for a statement without an end, and for locks of a process that is frozen inside a transaction. Set by a statement,
 * because PgBouncer rejects such connection parameters unless it is configured to ignore them.
 */
function limitSession(connection: Client, done: (error: Error | undefined, connection: Client) => void): void {
  connection.query("set statement_timeout = '30s'; set idle_in_transaction_session_timeout = '30s'").then(
    () => done(undefined, connection),
    (error: Error) => done(error, connection),
  );
}

/** A timeout while others acquired a connection means that the queue is too long, and not that the database is unavailable. */
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

/** Only processes of this service reach a socket's folder, and PostgreSQL has no TLS on it, whatever PGSSLMODE is. */
function address(target: DatabaseTarget): Knex.PgConnectionConfig {
  if ("url" in target) return { connectionString: target.url };
  return target.host.startsWith("/") ? { ...target, ssl: false } : { ...target };
}

/** Set per connection: `pg.types.setTypeParser` would change every other use of pg in this process. */
function int8AsBigint(): { getTypeParser(oid: number, format: string): unknown } {
  const types = new TypeOverrides();
  types.setTypeParser(20, BigInt);
  types.setTypeParser(1016, parseInt8Array);
  return { getTypeParser: (oid, format) => types.getTypeParser(oid, format === "binary" ? "binary" : "text") };
}

/** Parses an array such as `{1,2,NULL}`, of one dimension. */
function parseInt8Array(value: string): (bigint | null)[] {
  if (value === "{}") return [];
  const items = value.slice(1, -1).split(",");
  return items.map((item) => (item === "NULL" ? null : BigInt(item)));
}
