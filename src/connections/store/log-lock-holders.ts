import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";

/** A transaction that holds locks on rows of organizations. */
export interface LockHolder {
  readonly pid: number;
  /** Its `application_name`; empty where it has none. */
  readonly application: string;
  /** As in pg_stat_activity, such as `idle in transaction`; null where the database's user may not see it. */
  readonly state: string | null;
  /** Seconds since its transaction began; null likewise. */
  readonly seconds: number | null;
}

/** An organization is named again after so many milliseconds, and so many are known. */
const named = { ttl: 30_000, max: 1000 };

// FOR UPDATE and UPDATE leave these locks on the table; those of rows are in no view. What is about to commit is not meant.
const statement = `
  select
    pid, application_name as application, state,
    round(extract(epoch from clock_timestamp() - xact_start))::int as seconds
  from pg_stat_activity
  where pid in (
    select pid from pg_locks
    where relation = 'organization'::regclass and granted and mode in ('RowShareLock', 'RowExclusiveLock')
  )
  and wait_event_type is distinct from 'Lock' and coalesce(xact_start < clock_timestamp() - interval '1 second', true)
  order by xact_start
  limit 10`;

/**
 * Returns what is to be called when creates of an organization were refused because somebody holds its row: it counts them, and
 * the log says whose transactions may be the cause, once in 30 s for each organization. What these do is not said: a
 * statement may hold values.
 */
export function logLockHolders({
  knex,
  log,
  meter,
}: {
  readonly knex: Knex;
  readonly log: Logger;
  readonly meter: Meter;
}): (organizationId: string) => void {
  const refused = meter.createCounter("connectory.connections.lock_waits", {
    unit: "{batch}",
    description: "Batches of creates that gave up waiting for the row of their organization",
  });
  const known = new LRUCache<string, true>(named);
  const report = async (organizationId: string) => {
    const { rows: holders } = await knex.raw<{ rows: LockHolder[] }>(statement);
    log.warn({ organizationId, holders }, "creates of an organization wait for a transaction that does not end");
  };
  return (organizationId) => {
    refused.add(1);
    if (known.has(organizationId)) return;
    known.set(organizationId, true);
    report(organizationId).catch((err: unknown) =>
      log.warn({ err, organizationId }, "creates of an organization wait for a lock, and it is not known whose"),
    );
  };
}
