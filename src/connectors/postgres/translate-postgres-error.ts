import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";

/** Code, hint, field, and the stage unless it is that of the step. */
type Meaning = readonly [code: string, hint: string, field: string, stage?: TestStage];

/**
 * The meaning of SQLSTATEs and of the stream's codes. The server checks the database after the password, and pg_hba.conf
 * (28000) before it requests one.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  "28P01": ["PASSWORD_WRONG", "the server refused the user name or the password", "password"],
  "28000": [
    "LOGIN_REFUSED",
    "the server has no such user, or lets it in only from other addresses, with TLS or with a client certificate",
    "username",
  ],
  "3D000": ["DATABASE_UNKNOWN", "the server has no database of this name", "database", TestStage.AUTHORIZE],
  "42501": [
    "PERMISSION_DENIED",
    "the user may not connect to this database, or not read its catalog",
    "database",
    TestStage.AUTHORIZE,
  ],
  "55000": ["DATABASE_CLOSED", "the database takes no connections", "database", TestStage.AUTHORIZE],
  "53300": ["TOO_MANY_CONNECTIONS", "the server has no connection left for this user", "host"],
  "57P03": ["STARTING_UP", "the server is starting or stopping: try again", "host"],
  "0A000": ["VERSION_UNSUPPORTED", "the server does not speak version 3.0 of PostgreSQL's protocol", "host"],
  ERR_WRONG_PROTOCOL: [
    "NOT_A_POSTGRES_SERVER",
    "what answers there is not a PostgreSQL server: check host and port",
    "host",
  ],
  ECONNRESET: ["CONNECTION_CLOSED", "the server closed the connection: it may not be PostgreSQL, or want TLS", "tls"],
};

/** Returns the meaning of an error of the pg library; undefined for others. The server's message is never returned. */
export function translatePostgresError(error: unknown): ProbeError | undefined {
  const meaning = meanings[errorCode(error)] ?? meaningOfMessage(error);
  return meaning === undefined ? undefined : new ProbeError(...meaning);
}

/**
 * Returns true when a server after the log-in says that it does not know a query: any error of its own that says nothing about
 * the permissions, the database or the server's state. Systems with PostgreSQL's protocol lack functions, settings, tables of the
 * catalog and columns of them (42883, 42704, 42P01, 42703), features (0A000), or answer with their own errors (XX000).
 */
export function isUnknownQuery(error: unknown): boolean {
  if (!(error instanceof Error) || !("severity" in error) || error.severity !== "ERROR") return false;
  const state = errorCode(error);
  return state === "0A000" || !(/^(08|25|28|53|55|57|58)/.test(state) || state in meanings);
}

/** Returns the meaning of pg's errors without a code, which are identified by pg's own texts. */
function meaningOfMessage(error: unknown): Meaning | undefined {
  if (!(error instanceof Error) || errorCode(error) !== "") return undefined;
  if (/client password must be a (non-empty )?string/.test(error.message))
    return ["PASSWORD_MISSING", "the server asks for a password and the configuration has none", "password"];
  if (error.message.startsWith("SASL"))
    return [
      "LOGIN_FAILED",
      "the log-in could not be completed: the server's proof or method is not accepted",
      "password",
    ];
  if (error.message.startsWith("Connection terminated")) return meanings.ECONNRESET;
  return undefined;
}
