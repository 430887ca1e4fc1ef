import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import type { addressField } from "./redis-address.ts";

type AddressField = ReturnType<typeof addressField>;
/** Code, hint, field (undefined for that of the server's address), and the stage unless it is that of the step. */
type Meaning = readonly [code: string, hint: string, field?: string | undefined, stage?: TestStage];

/** The failure for a server that does not respond like Redis. */
export const notRedis: Meaning = [
  "NOT_A_REDIS_SERVER",
  "what answers there is not a Redis server, or it speaks TLS: check the port, and take rediss if it does",
];
const closed: Meaning = [
  "CONNECTION_CLOSED",
  "the server closed the connection: it may want TLS (rediss), or not be Redis",
];
const passwordWrong: Meaning = ["PASSWORD_WRONG", "the server refused the user name or the password", "password"];
const noLogin: Meaning = [
  "LOGIN_NOT_EXPECTED",
  "the server has no password for this log-in: leave username and password out",
  "password",
];

/** The meaning of error replies, by their beginning; the first match applies. */
const replies: readonly (readonly [begins: RegExp, meaning: Meaning])[] = [
  [/^WRONGPASS|^ERR invalid password/, passwordWrong],
  [/^NOAUTH/, ["PASSWORD_MISSING", "the server asks for a log-in and the configuration has none", "password"]],
  [/^ERR Client sent AUTH|^ERR AUTH <password> called without any password/, noLogin],
  [
    /^ERR wrong number of arguments for 'auth'/,
    ["LOGIN_NOT_EXPECTED", "the server is older than user names (Redis 6): give the password alone", "username"],
  ],
  [
    /^NOPERM/,
    ["PERMISSION_DENIED", "the user may not run a command that the test needs", "username", TestStage.AUTHORIZE],
  ],
  [/^ERR (invalid DB index|DB index is out of range)/, ["DATABASE_UNKNOWN", "the server has no such database"]],
  [
    /^ERR This instance has cluster support disabled/,
    ["NOT_A_CLUSTER", "the server is not part of a cluster: give it as address", "addresses", TestStage.CAPABILITY],
  ],
  [
    /^CLUSTERDOWN/,
    ["CLUSTER_DOWN", "the cluster serves nothing: some slots have no master", undefined, TestStage.CAPABILITY],
  ],
  [/^LOADING/, ["STARTING_UP", "the server is reading its data: try again", undefined, TestStage.CAPABILITY]],
  [
    /^MASTERDOWN/,
    ["MASTER_DOWN", "the server is a replica that has lost its master: bring it back", undefined, TestStage.CAPABILITY],
  ],
  [/^(MOVED|ASK) /, ["REDIRECTED", "the server sends its clients elsewhere for a command that has no place"]],
  [
    /^DENIED/,
    ["PROTECTED_MODE", "the server takes clients of its own machine alone (protected mode) until it has a password"],
  ],
  [/^ERR max number of clients/, ["TOO_MANY_CONNECTIONS", "the server has no connection left"]],
];

/** Returns the meaning of an error of ioredis; `field` is that of the server's address. No text of the server is returned. */
export function translateRedisError(error: unknown, field: AddressField): ProbeError | undefined {
  if (errorCode(error) === "ERR_TOO_MUCH_DATA") return undefined;
  const [code, hint, own = field, stage] = meaningOf(error);
  return new ProbeError(code, hint, own, stage);
}

function meaningOf(error: unknown): Meaning {
  const reply = replyOf(error);
  if (reply !== "") {
    const known = replies.find(([begins]) => begins.test(reply))?.[1];
    return known ?? ["COMMAND_REFUSED", "the server refused a command that every Redis server knows"];
  }
  return errorCode(error) === "ECONNRESET" ? closed : notRedis;
}

/** Returns the text of an error reply; empty for another error. */
export function replyOf(error: unknown): string {
  return error instanceof Error && error.name === "ReplyError" ? error.message : "";
}
