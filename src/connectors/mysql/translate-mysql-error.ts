import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import { needsTls } from "./auth-plugins.ts";

/** Code, hint, field, and the stage unless it is that of the step. */
type Meaning = readonly [code: string, hint: string, field: string, stage?: TestStage];

const tooMany: Meaning = ["TOO_MANY_CONNECTIONS", "the server has no connection left for this user", "host"];
const denied: Meaning = [
  "PERMISSION_DENIED",
  "the user may not read what the test asks for",
  "username",
  TestStage.AUTHORIZE,
];
const noMethod: Meaning = [
  "AUTH_METHOD_UNSUPPORTED",
  "the server wants this user to log in by a method that is not supported: give the user another one",
  "username",
];
const expired: Meaning = ["PASSWORD_EXPIRED", "the user's password has expired: set another one", "password"];
const locked: Meaning = ["LOGIN_REFUSED", "the user is locked", "username"];
const passwordMissing: Meaning = [
  "PASSWORD_MISSING",
  "the server refused the user, and the configuration has no password",
  "password",
];
const tlsRequired: Meaning = [
  "TLS_REQUIRED",
  "the log-in would show the password to whoever listens, or the server wants TLS: turn it on",
  "tls",
];
const wrongServer: Meaning = [
  "NOT_A_MYSQL_SERVER",
  "what answers there is not a MySQL server: check host and port",
  "host",
];
const closed: Meaning = [
  "CONNECTION_CLOSED",
  "the server closed the connection: it may not be MySQL, or want TLS",
  "tls",
];

/** The meaning of the error numbers of MySQL and MariaDB. */
const byNumber: Readonly<Record<number, Meaning>> = {
  1040: tooMany,
  1044: ["PERMISSION_DENIED", "the user may not use this database", "database", TestStage.AUTHORIZE],
  1045: [
    "PASSWORD_WRONG",
    "the server refused the user name or the password, or lets the user in only from elsewhere or only with TLS",
    "password",
  ],
  1049: ["DATABASE_UNKNOWN", "the server has no database of this name", "database", TestStage.AUTHORIZE],
  1053: ["STARTING_UP", "the server is stopping: try again", "host"],
  1129: [
    "LOGIN_REFUSED",
    "the server has blocked the address of this server after too many errors: unblock it",
    "host",
  ],
  1130: ["LOGIN_REFUSED", "the server takes no clients from the address of this server", "host"],
  1142: denied,
  1143: denied,
  1203: tooMany,
  1226: tooMany,
  1227: denied,
  1251: noMethod,
  1524: noMethod,
  1698: ["LOGIN_REFUSED", "the server does not let this user in with a password", "username"],
  1820: expired,
  1862: expired,
  3118: locked,
  3159: tlsRequired,
  4151: locked,
};

const byCode: Readonly<Record<string, Meaning>> = {
  ECONNRESET: closed,
  EPIPE: closed,
  PROTOCOL_CONNECTION_LOST: closed,
  MYSQL_CLEAR_PASSWORD_NOT_ENABLED: tlsRequired,
  AUTH_SWITCH_PLUGIN_ERROR: noMethod,
};

/**
 * Returns the meaning of an error of mysql2; undefined for an error of the stream. The server's message is never returned.
 * `withoutPassword`: the configuration has no password, so it cannot be wrong; default: false.
 */
export function translateMysqlError(error: unknown, withoutPassword = false): ProbeError | undefined {
  if (errorCode(error) === "ERR_TOO_MUCH_DATA") return undefined;
  if (error instanceof Error && error.message === needsTls) return new ProbeError(...tlsRequired);
  const number = error instanceof Error && "errno" in error ? Number(error.errno) : 0;
  if (number === 1045 && withoutPassword) return new ProbeError(...passwordMissing);
  if (number > 0) return new ProbeError(...(byNumber[number] ?? otherRefusal));
  return new ProbeError(...(byCode[errorCode(error)] ?? wrongServer));
}

/**
 * Returns true when a server after the log-in says that it does not know a query: with any number that says nothing about the
 * permissions, the database or the server's state.
 */
export function isUnknownQuery(error: unknown): boolean {
  return error instanceof Error && "errno" in error && Number(error.errno) > 0 && !(Number(error.errno) in byNumber);
}

const otherRefusal: Meaning = ["COMMAND_REFUSED", "the server refused what every MySQL server does", "host"];

/** The failure for a first message that is not a greeting. */
export function notMysql(): ProbeError {
  return new ProbeError(...wrongServer);
}
