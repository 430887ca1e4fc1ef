import type { Knex } from "knex";
import type { Logger } from "pino";

/** The right of one process at a time to do a job. */
export interface Lease {
  /**
   * Returns true when this process holds the lease, acquiring it if it is free. Queries the database only if it is not
   * certainly held.
   */
  hold(): Promise<boolean>;
  /** Returns whether this process certainly still holds it, by the monotonic clock. Check before every action. */
  isHeld(): boolean;
  /** Releases it, so that another process can acquire it at once. */
  release(): Promise<void>;
}

/**
 * Returns a lease in a database row, timed by the database's clock. It is renewed every third of `ttlMs` (milliseconds) in the
 * background; after its expiry the first process that asks acquires it. Its local expiry is counted from before the query was
 * sent, so it is earlier than the database's. A row that expires later than `ttlMs` from now is void, because the database's
 * clock was set back; so all processes must use the same `ttlMs`. (A session's advisory lock is simpler but fails behind a
 * connection pooler.)
 */
export function createLease(options: { knex: Knex; name: string; holder: string; ttlMs: number; log: Logger }): Lease {
  const { knex, name, holder, ttlMs, log } = options;
  let heldUntil = 0;
  let timer: NodeJS.Timeout | undefined;
  let asking: Promise<void> = Promise.resolve();

  const isHeld = () => performance.now() < heldUntil;

  const ask = async () => {
    const asked = performance.now();
    const { rows } = await knex.raw<{ rows: unknown[] }>(statement, { name, holder, ttlMs });
    heldUntil = rows.length > 0 ? asked + ttlMs : 0;
  };

  const renew = () => {
    asking = ask().catch((err: unknown) => log.warn({ err, lease: name }, "the lease could not be renewed"));
  };

  return {
    isHeld,
    async hold() {
      if (isHeld()) return true;
      clearInterval(timer);
      await asking;
      await ask();
      if (isHeld()) timer = setInterval(renew, ttlMs / 3);
      return isHeld();
    },
    async release() {
      clearInterval(timer);
      await asking; // a renewal that arrives after the delete would bring the row back
      if (heldUntil === 0) return;
      heldUntil = 0;
      await knex.raw("delete from lease where name = ? and holder = ?", [name, holder]);
    },
  };
}

// Not now(): it is the start of the statement, and a renewal that the statement waited for may have started later.
const statement = `
  insert into lease (name, holder, expires_at)
  values (:name, :holder, clock_timestamp() + :ttlMs * interval '1 millisecond')
  on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
    where lease.holder = excluded.holder or lease.expires_at <= clock_timestamp()
      or lease.expires_at > clock_timestamp() + :ttlMs * interval '1 millisecond'
  returning holder`;
