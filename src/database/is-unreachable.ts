/**
 * SQLSTATE classes that say "not now": connection exceptions, operator intervention, too little of a resource,
 * transactions that were rolled back because of others, a statement that took too long, a server that only reads.
 */
const unreachableState = /^(08|57P|53|40|57014|25006)/;

const unreachableMessage =
  /Connection terminated|Client has encountered a connection error|Timeout acquiring a connection|timeout exceeded when trying to connect|pool is draining|Unable to acquire a connection|not currently accepting connections|The database has not answered/i;

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** True when an error says that the database cannot serve just now, rather than that it refused a statement. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return unreachableState.test(code) || networkCodes.has(code) || unreachableMessage.test(error.message);
}
