/**
 * Rejects unless the database answers within the given milliseconds, including the wait for a pool connection (which Knex's own
 * `.timeout()` leaves out). For queries that no caller's deadline ends.
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
