import { isTransientError } from "./is-transient-error.ts";

/** SQLSTATEs that end a connection, perhaps between a commit and its response: broken, shut down, outcome unknown. */
const endsConnection = /^(08...|57P01|57P02|40003)$/;

/** Errors of Knex and pg for a connection that was never established. */
const withoutConnection =
  /^(timeout expired|aborted|operation timed out.*|Unable to acquire a connection|Knex: Timeout acquiring a connection.*)$/s;

/** Returns true when a failed statement may have been committed: its connection was lost before the response arrived. */
export function mayHaveCommitted(error: Error): boolean {
  if (!isTransientError(error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^[0-9A-Z]{5}$/.test(code) && !("syscall" in error)) return endsConnection.test(code);
  if ("syscall" in error && (error.syscall === "connect" || error.syscall === "getaddrinfo")) return false;
  return !withoutConnection.test(error.message);
}
