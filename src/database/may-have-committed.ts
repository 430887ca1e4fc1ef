import { isTransientError } from "./is-transient-error.ts";

/** SQLSTATEs with which a connection ends, perhaps between a commit and the word of it: broken, shut down, outcome not known. */
const endsConnection = /^(08...|57P01|57P02|40003)$/;

/** There was no connection yet: what Knex and pg say of one that did not come about. */
const withoutConnection =
  /^(timeout expired|aborted|operation timed out.*|Unable to acquire a connection|Knex: Timeout acquiring a connection.*)$/s;

/** True when a statement failed and yet may have been committed: its connection was lost before the answer was here. */
export function mayHaveCommitted(error: Error): boolean {
  if (!isTransientError(error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^[0-9A-Z]{5}$/.test(code) && !("syscall" in error)) return endsConnection.test(code);
  if ("syscall" in error && (error.syscall === "connect" || error.syscall === "getaddrinfo")) return false;
  return !withoutConnection.test(error.message);
}
