import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";

type Meaning = readonly [code: string, hint: string, field: string];

const loginFailed = "the broker could not complete the log-in with SASL PLAIN";

/** The meaning of the protocol's response codes, and of the stream's codes. */
const meanings: Readonly<Record<string, Meaning>> = {
  RESPONSE_7: [
    "MECHANISM_UNKNOWN",
    "the broker does not offer the SASL mechanism PLAIN, by which this connector logs in",
    "username",
  ],
  RESPONSE_8: ["PASSWORD_WRONG", "the broker refused the user name or the password", "password"],
  RESPONSE_9: ["LOGIN_FAILED", loginFailed, "username"],
  RESPONSE_10: ["LOGIN_FAILED", loginFailed, "username"],
  RESPONSE_11: ["LOGIN_REFUSED", "the broker lets this user in from its own machine only (loopback_users)", "username"],
  RESPONSE_12: [
    "PERMISSION_DENIED",
    "the user may not use this virtual host, or the broker has none of this name",
    "virtual_host",
  ],
  RESPONSE_16: ["PERMISSION_DENIED", "the broker refused the user access", "username"],
  ERR_WRONG_PROTOCOL: [
    "NOT_A_RABBITMQ_STREAM",
    "what answers there does not speak RabbitMQ's stream protocol: check port and tls (5552 in clear, 5551 with TLS; 5672 and 5671 are AMQP), and whether a client certificate is wanted",
    "host",
  ],
  ECONNRESET: [
    "CONNECTION_CLOSED",
    "the broker closed the connection: it may want TLS on this port, or not be RabbitMQ's stream listener",
    "host",
  ],
};

/** Returns the meaning of an error of the stream client; undefined for others. */
export function translateStreamError(error: unknown): ProbeError | undefined {
  const meaning = meanings[errorCode(error)];
  return meaning === undefined ? undefined : new ProbeError(...meaning);
}
