import type { Knex } from "knex";

/**
 * Rejects unless the database answers within `timeoutMs`, the wait for a free connection included (which Knex's own
 * `.timeout()` leaves out). For health checks.
 */
export async function ping(knex: Knex, timeoutMs = 2_000): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`The database has not answered in ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([knex.raw("select 1"), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
