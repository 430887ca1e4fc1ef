import { isStaleStatement } from "./is-stale-statement.ts";

/**
 * SQLSTATEs of PostgreSQL and PgBouncer that say "not now": a whole class by its first two characters, else one state.
 * Everything else (a constraint, a syntax error, 42 and 23 and 22, XX000) is about the statement.
 */
const transientStates = new Set([
  "08", // connection exception; also what PgBouncer says when it has no server or no place
  "28", // only while connecting: the server does not let the service in, as while its password is being changed
  "3D000", // only while connecting: the database is not there, as while it is being restored
  "53", // out of disk, memory or connections
  "57P", // shutdown, crash, starting up, database dropped, session idle for too long
  "57014", // cancelled: statement_timeout, or an operator
  "58", // the server's own system failed it, such as its disk
  "25006", // a server that only reads: a standby, or the old primary of a failover
  "25P03", // the transaction was idle for too long
  "25P04", // transaction_timeout
  "40", // rolled back because of others: serialization, deadlock, outcome not known
  "55P03", // lock_timeout, or a lock that is held
  "55000", // only while connecting: the database takes no connections just now
  "55006", // in use, such as a database that is being copied
]);

/** What a socket, the resolver or TLS has instead of an answer of the database. */
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

/** These also come from files, so only while connecting: a socket that is not there or not ours, no descriptors left. */
const connectCodes = new Set(["ENOENT", "EACCES", "EPERM", "EAGAIN", "EMFILE", "ENFILE", "ENOTDIR"]);

/** Resolver errors, and what OpenSSL and Node say of a certificate or a handshake. */
const networkCodeFamilies = /^(EAI_|ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_CERT|HOSTNAME_MISMATCH)/;

/**
 * Errors without a code, by their whole text (Knex puts the statement and ` - ` in front). `test/database/is-transient-error.test.ts`
 * holds this against every error in the sources of pg, tarn and Knex.
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

/** True when an error says that the database cannot serve just now, rather than that it refused a statement. */
export function isTransientError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (networkCodes.has(code) || networkCodeFamilies.test(code)) return true;
  if (connectCodes.has(code)) return "syscall" in error && error.syscall === "connect";
  if (isStaleStatement(error)) return true;
  if (sqlState.test(code)) return [5, 3, 2].some((length) => transientStates.has(code.slice(0, length)));
  return transientMessage.test(error.message);
}
