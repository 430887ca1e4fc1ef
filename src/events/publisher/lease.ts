import type { Knex } from "knex";
import type { Logger } from "pino";

/** A job that one process at a time may do. */
export interface Lease {
  /** True when it is ours, which it becomes if it is free. Asks the database only when we do not know. */
  hold(): Promise<boolean>;
  /** Whether it is certainly still ours, by this machine's monotonic clock. Check before every act. */
  isHeld(): boolean;
  /** Gives it back, so that another can have it at once. */
  release(): Promise<void>;
}

/**
 * A lease row, timed by the database's clock. It is renewed every third of `ttlMs` in the background, and taken over by
 * whoever asks first once it has expired. Our own end of it is counted from before the question was sent, so it comes
 * before the database's. A row that expires later than `ttlMs` from now is void: the database's clock was set back. So all
 * who ask for one lease have the same `ttlMs`. (A session's advisory lock would be simpler and breaks under a connection
 * pooler.)
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

// Not now(): that is the beginning of our statement, and a renewal that it waited for may have begun later.
const statement = `
  insert into lease (name, holder, expires_at)
  values (:name, :holder, clock_timestamp() + :ttlMs * interval '1 millisecond')
  on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
    where lease.holder = excluded.holder or lease.expires_at <= clock_timestamp()
      or lease.expires_at > clock_timestamp() + :ttlMs * interval '1 millisecond'
  returning holder`;
