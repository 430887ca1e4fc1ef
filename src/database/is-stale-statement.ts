/** Where PostgreSQL finds that the answer of a prepared statement would have other columns than before: a migration came between. */
const changedResult = "RevalidateCachedQuery";

/**
 * True when a statement failed because of its prepared form, and before it did anything: its columns have changed since
 * (0A000), or the session does not have it (26000) or has another one under the name (42P05), because a pooler has put another
 * session behind the connection.
 */
export function isStaleStatement(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (error.code === "0A000") return "routine" in error && error.routine === changedResult;
  return error.code === "26000" || error.code === "42P05";
}
