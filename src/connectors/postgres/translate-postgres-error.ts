import { ProbeError } from "../connector.ts";
import { errorCode } from "../translate-error.ts";

/** What SQLSTATEs and the codes of the stream mean: code, hint, field. */
const meanings: Readonly<Record<string, readonly [code: string, hint: string, field: string]>> = {
  "28P01": ["PASSWORD_WRONG", "the server refused the user name or the password", "password"],
  "28000": [
    "LOGIN_REFUSED",
    "the server has no such user, or lets it in only from other addresses or only with TLS",
    "username",
  ],
  "3D000": ["DATABASE_UNKNOWN", "the server has no database of this name", "database"],
  "42501": ["PERMISSION_DENIED", "the user may not connect to this database", "username"],
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
function meaningOfMessage(error: unknown): readonly [string, string, string] | undefined {
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
