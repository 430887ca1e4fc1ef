import { isStaleStatement } from "./is-stale-statement.ts";

/**
 * SQLSTATEs of PostgreSQL and PgBouncer for temporary failures: a class by its first characters, or one state. All others (a
 * constraint, a syntax error, 42 and 23 and 22, XX000) concern the statement.
 */
const transientStates = new Set([
  "08", // connection exception; also PgBouncer without a server or a free client slot
  "28", // only while connecting: the server rejects the credentials, as while its password is being changed
  "3D000", // only while connecting: the database does not exist, as while it is being restored
  "53", // out of disk, memory or connections
  "57P", // shutdown, crash, starting up, database dropped, session idle for too long
  "57014", // cancelled: statement_timeout, or an operator
  "58", // a failure of the server's system, such as its disk
  "25006", // a read-only server: a standby, or the old primary of a failover
  "25P03", // the transaction was idle for too long
  "25P04", // transaction_timeout
  "40", // rolled back because of other transactions: serialization, deadlock, outcome unknown
  "55P03", // lock_timeout, or a lock that is held
  "55000", // only while connecting: the database accepts no connections at present
  "55006", // in use, such as a database that is being copied
]);

/** Error codes of sockets, the resolver and TLS. */
const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENETRESET",
  "EADDRNOTAVAIL",
  "ENOBUFS",
  "EPROTO",
  "ENOTFOUND",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_SOCKET_CLOSED",
  "ERR_SOCKET_CLOSED_BEFORE_CONNECTION",
]);

/**
 * Codes that file operations have too, so they count only while connecting: a missing or inaccessible socket, no descriptors
 * left.
 */
const connectCodes = new Set(["ENOENT", "EACCES", "EPERM", "EAGAIN", "EMFILE", "ENFILE", "ENOTDIR"]);

/** Resolver errors, and OpenSSL's and Node's errors of certificates and handshakes. */
const networkCodeFamilies = /^(EAI_|ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_CERT|HOSTNAME_MISMATCH)/;

/**
 * Errors without a code, by their whole text (Knex prepends the statement and ` - `).
 * `test/database/is-transient-error.test.ts` compares this list with every error in the sources of pg, tarn and Knex.
 */
const transientMessages = [
  // pg/lib/client.js
  "timeout expired",
  "Connection terminated",
  "Connection terminated unexpectedly",
  "Query read timeout",
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
  "Received unexpected \\w+ message from backend\\.",
  // pg/lib/connection.js
  "The server does not support SSL connections",
  "There was an error establishing an SSL connection",
  // pg/lib/crypto/sasl.js
  "SASL: .*",
  // pg-protocol/dist/parser.js
  "received invalid response: \\w+",
  "Unknown authenticationOk message type \\d+",
  // tarn/dist/PendingOperation.js
  "aborted",
  "operation timed out for an unknown reason",
  // knex/lib/client.js, knex/lib/execution/runner.js, knex/lib/util/timeout.js
  "Knex: Timeout acquiring a connection\\..*",
  "Unable to acquire a connection",
  "operation timed out",
  "Defined query timeout of \\d+ms exceeded when running query\\.",
  // with-timeout.ts, socket-silence-limit.ts
  "The database has not answered in \\d+ ms",
];
const transientMessage = new RegExp(`(^| - )(${transientMessages.join("|")})$`, "s");

const sqlState = /^[0-9A-Z]{5}$/;

/** Returns true when an error means that the database is temporarily unavailable, rather than that it rejected a statement. */
export function isTransientError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (networkCodes.has(code) || networkCodeFamilies.test(code)) return true;
  if (connectCodes.has(code)) return "syscall" in error && error.syscall === "connect";
  if (isStaleStatement(error)) return true;
  if (sqlState.test(code)) return [5, 3, 2].some((length) => transientStates.has(code.slice(0, length)));
  return transientMessage.test(error.message);
}
