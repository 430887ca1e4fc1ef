import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import type { AmqpOpenError } from "./session.ts";

type Meaning = readonly [code: string, hint: string, field: string];

const notAmqp: Meaning = [
  "NOT_AN_AMQP_BROKER",
  "what answers there does not speak AMQP 0-9-1: check port and tls (5672 in clear, 5671 with TLS; 5552 is RabbitMQ's stream port), and whether a client certificate is wanted",
  "host",
];
const closedEarly: Meaning = [
  "CONNECTION_CLOSED",
  "the broker closed the connection in the log-in: user name or password may be wrong",
  "password",
];
const closedLate: Meaning = [
  "CONNECTION_CLOSED",
  "the broker closed the connection: it may be stopping, or have refused the virtual host",
  "virtual_host",
];
const noPlain: Meaning = [
  "MECHANISM_UNKNOWN",
  "the broker does not offer the SASL mechanism PLAIN, by which this connector logs in",
  "username",
];

/** Reply codes of the protocol with which brokers close a connection. */
const accessRefused = 403;
const notAllowed = 530;

/** RabbitMQ's texts for 530, and for 541 about a virtual host that is down; the first match applies. */
const reasons: readonly (readonly [words: RegExp, ...meaning: Meaning])[] = [
  [
    /^NOT_ALLOWED - vhost .* not found$/s,
    "VIRTUAL_HOST_UNKNOWN",
    "the broker has no such virtual host",
    "virtual_host",
  ],
  [/ user connection limit \(\d+\) is reached$/, "TOO_MANY_CONNECTIONS", "the user has no connection left", "username"],
  [
    / connection limit \(\d+\) is reached$/,
    "TOO_MANY_CONNECTIONS",
    "the virtual host has no connection left",
    "virtual_host",
  ],
  [/ vhost .* is down$/s, "VIRTUAL_HOST_DOWN", "the virtual host is down on this broker", "virtual_host"],
];

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * Returns the meaning of an error of `openSession` or of a later error of amqplib; undefined for others. The broker's text is
 * only matched, never returned.
 */
export function translateAmqpError(error: unknown, credentials: Credentials): ProbeError | undefined {
  if (errorCode(error) === "ERR_TOO_MUCH_DATA") return undefined;
  if (!isOpenError(error)) return new ProbeError(...failedLater(error));
  const { closed, loggedIn } = error.progress;
  if (loggedIn) return new ProbeError(...refusedVirtualHost(error), TestStage.AUTHORIZE);
  if (closed?.replyCode === accessRefused) return new ProbeError(...refusedLogin(credentials));
  return new ProbeError(...failedLogin(error));
}

function isOpenError(error: unknown): error is AmqpOpenError {
  return error instanceof Error && "progress" in error;
}

function refusedLogin({ username, password }: Credentials): Meaning {
  if (password === "")
    return ["PASSWORD_MISSING", "the broker asks for a password and the configuration has none", "password"];
  const local = username === "guest" ? " (RabbitMQ lets guest in from its own machine only)" : "";
  return ["PASSWORD_WRONG", `the broker refused the user name or the password${local}`, "password"];
}

function refusedVirtualHost(error: AmqpOpenError): Meaning {
  const { closed } = error.progress;
  if (closed === undefined) return isEnd(error) ? closedLate : notAmqp;
  const { replyCode, replyText } = closed;
  const known = reasons.find(([words]) => words.test(replyText));
  if (known !== undefined) return [known[1], known[2], known[3]];
  if (replyCode === notAllowed || replyCode === accessRefused)
    return ["PERMISSION_DENIED", "the user may not use this virtual host", "virtual_host"];
  return closedLate;
}

function failedLogin(error: AmqpOpenError): Meaning {
  const { greeted, closed } = error.progress;
  if (!greeted) return notAmqp;
  const words = error.cause instanceof Error ? error.cause.message : "";
  if (words.startsWith("SASL mechanism PLAIN is not provided")) return noPlain;
  return closed !== undefined || isEnd(error) ? closedEarly : notAmqp;
}

/** True when the broker closed the connection without a reason. */
function isEnd({ code, cause }: AmqpOpenError): boolean {
  return code === "ECONNRESET" || (cause instanceof Error && cause.message.startsWith("Socket closed abruptly"));
}

/** Returns the meaning of a failure of an open connection or its channel. */
function failedLater(error: unknown): Meaning {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === accessRefused || code === notAllowed)
    return ["PERMISSION_DENIED", "the user may not open a channel", "username"];
  const ended = typeof code === "number" || code === "ECONNRESET" || /Unexpected close$/.test(String(error));
  return ended ? closedLate : notAmqp;
}
