/**
 * What limit ended a statement that the database was working on: its time (`statement_timeout`), or its wait for a lock
 * (`lock_timeout`). Undefined for everything else. Nothing of such a statement was written.
 *
 * An operator who cancels a statement has the same SQLSTATE as the time limit and differs in the text alone, which is in the
 * database's language: what is not known to be an operator counts as the limit, because that must not be sent again at once.
 */
export function exceededLimit(error: unknown): "time" | "lock" | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code === "55P03") return "lock";
  return error.code === "57014" && !error.message.endsWith("due to user request") ? "time" : undefined;
}
