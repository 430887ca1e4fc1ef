import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { Logger } from "pino";
import { isStaleStatement } from "./is-stale-statement.ts";

/** The URL of a database, perhaps through a pooler. */
interface PooledTarget {
  readonly url: string;
  /** Default: true. */
  readonly prepare?: boolean;
}

/** The number of attempts: the session that a pooler assigns depends on its other clients. */
const rounds = 5;
/**
 * Milliseconds after which a connection that gets no session, while the other one uses none, must have a session of its own.
 */
const timeoutMs = 3000;

/**
 * Throws for a pooler that loses prepared statements, if they are to be used. If not, logs a warning when the database user has
 * no limits of its own, because the service then sets none.
 */
export async function verifyPooling(target: PooledTarget, log: Logger): Promise<void> {
  const clients = [open(target), open(target)] as const;
  try {
    await clients[0].connect();
    if (target.prepare === false) return await warnOfNoLimits(clients[0], log);
    if (await isDirect(clients[0])) return;
    await clients[1].connect();
    for (let round = 0; round < rounds; round += 1) {
      const found = await tryPrepared(...clients);
      if (found === "waiting") return;
      if (found === "lost")
        throw new Error(
          "DATABASE_URL leads to a pooler that gives each transaction another session (PgBouncer with pool_mode = transaction), " +
            "and statements that were prepared by name are lost there: set DATABASE_PREPARE=off, or let the pooler keep them " +
            "(PgBouncer 1.21 or newer: max_prepared_statements above 0), or use pool_mode = session",
        );
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

function open({ url }: PooledTarget): Client {
  const client = new Client({ connectionString: url, application_name: "connectory", connectionTimeoutMillis: 5000 });
  client.on("error", () => undefined); // the error of a statement is reported instead
  return client;
}

/** Returns true for a direct connection: a pooler reports a process id that is not the server's. */
async function isDirect(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return "processID" in client && client.processID === rows[0]?.pid;
}

/**
 * `lost`: the statement that the first connection prepared is found by the other one, or is missing in the first one's next
 * transaction.
 */
async function tryPrepared(first: Client, other: Client): Promise<"kept" | "lost" | "waiting"> {
  const prepared = { name: `connectory-check-${randomUUID()}`, text: "select 1" };
  const steps = async () => {
    await first.query(prepared);
    await other.query("begin"); // takes the session that the first has just released, if it may
    await other.query(prepared);
    await first.query(prepared);
    await other.query("commit");
    return "kept" as const;
  };
  const found = steps().catch((error: unknown) => {
    if (isStaleStatement(error)) return "lost" as const;
    throw error;
  });
  const timer = new AbortController();
  try {
    return await Promise.race([found, sleep(timeoutMs, "waiting" as const, { signal: timer.signal })]);
  } finally {
    timer.abort();
    found.catch(() => undefined); // the result of the steps that still wait
  }
}

async function warnOfNoLimits(client: Client, log: Logger): Promise<void> {
  const limits = ["statement_timeout", "idle_in_transaction_session_timeout"];
  const { rows } = await client.query<{ name: string }>(
    "select name from pg_settings where name = any ($1) and setting = '0' order by name",
    [limits],
  );
  const missing = rows.map(({ name }) => name);
  if (missing.length > 0)
    log.warn(
      { missing },
      "with DATABASE_PREPARE=off the service sets no limits of a session: give them to the database user (alter role … set statement_timeout = '30s')",
    );
}
