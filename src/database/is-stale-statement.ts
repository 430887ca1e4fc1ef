/** The routine in which PostgreSQL detects that the result of a prepared statement has other columns after a migration. */
const changedResult = "RevalidateCachedQuery";

/**
 * Returns true when a statement failed because of its prepared form, before it had any effect: its columns have changed since
 * (0A000), or the session does not have it (26000) or has another one under the name (42P05), because a pooler has assigned
 * another session to the connection.
 */
export function isStaleStatement(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (error.code === "0A000") return "routine" in error && error.routine === changedResult;
  return error.code === "26000" || error.code === "42P05";
}
