import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";

/** A transaction that holds locks on rows of organizations. */
export interface LockHolder {
  readonly pid: number;
  /** Its `application_name`; empty without one. */
  readonly application: string;
  /** As in pg_stat_activity, such as `idle in transaction`; null where the database's user may not see it. */
  readonly state: string | null;
  /** Seconds since its transaction began; null where the database's user may not see it. */
  readonly seconds: number | null;
}

/** An organization is logged at most once in `ttl` milliseconds; `max` organizations are remembered. */
const named = { ttl: 30_000, max: 1000 };

// FOR UPDATE and UPDATE leave these locks on the table; row locks are in no view. Transactions that are younger than 1 s or
// wait for a lock themselves are left out.
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
 * Returns a callback for creates of an organization that were refused because another transaction holds its row. It counts them
 * and logs the transactions that may be the cause, at most once in 30 s for each organization. Their statements are not logged:
 * they may contain values.
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
