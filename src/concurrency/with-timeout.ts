/**
 * Rejects unless the database answers within so many milliseconds, the wait for a free connection included (which Knex's
 * own `.timeout()` leaves out). For what has no deadline of a caller's to end it.
 */
export async function withTimeout<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`The database has not answered in ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
