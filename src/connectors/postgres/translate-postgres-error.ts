import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";

/** Code, hint, field, and the stage that it belongs to, if not the step's. */
type Meaning = readonly [code: string, hint: string, field: string, stage?: TestStage];

/**
 * What SQLSTATEs and the codes of the stream mean. The server looks at the database after it has found the password
 * right, and at pg_hba.conf (28000) before it asks for one.
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
  "0A000": ["NOT_A_POSTGRES_SERVER", "the server does not speak this version of the protocol", "host"],
  ERR_WRONG_PROTOCOL: [
    "NOT_A_POSTGRES_SERVER",
    "what answers there is not a PostgreSQL server: check host and port",
    "host",
  ],
  ECONNRESET: ["CONNECTION_CLOSED", "the server closed the connection: it may not be PostgreSQL, or want TLS", "tls"],
};

/** What an error of the pg library means. Its message is never handed on: the server wrote it. */
export function translatePostgresError(error: unknown): ProbeError | undefined {
  const meaning = meanings[errorCode(error)] ?? meaningOfMessage(error);
  return meaning === undefined ? undefined : new ProbeError(...meaning);
}

/** Errors of pg that have no code, recognised by the words of pg itself. */
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
