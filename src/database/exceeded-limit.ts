/**
 * Returns the limit that ended a statement: its time (`statement_timeout`), or its wait for a lock (`lock_timeout`); undefined
 * for any other error. The statement has written nothing.
 *
 * A cancellation by an operator has the SQLSTATE of the time limit and differs only in the text, in the database's language: a
 * text that is not known counts as the limit, because such a statement must not be repeated at once.
 */
export function exceededLimit(error: unknown): "time" | "lock" | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code === "55P03") return "lock";
  return error.code === "57014" && !error.message.endsWith("due to user request") ? "time" : undefined;
}
