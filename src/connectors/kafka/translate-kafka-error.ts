import { ProbeError } from "../connector.ts";
import { errorCode } from "../translate-error.ts";
import { scramTooExpensive } from "./guarded-scram.ts";

type Meaning = readonly [code: string, hint: string, field: string];

/** What broker errors, and the codes of the stream, mean. */
const meanings: Readonly<Record<string, Meaning>> = {
  SASL_AUTHENTICATION_FAILED: ["PASSWORD_WRONG", "the broker refused the user name or the password", "sasl.password"],
  UNSUPPORTED_SASL_MECHANISM: ["MECHANISM_UNKNOWN", "the broker does not offer this SASL mechanism", "sasl.mechanism"],
  ILLEGAL_SASL_STATE: [
    "LOGIN_NOT_EXPECTED",
    "the broker expects no log-in on this port: leave sasl out, or take the port that has it",
    "sasl",
  ],
  CLUSTER_AUTHORIZATION_FAILED: ["PERMISSION_DENIED", "the user may not describe the cluster", "sasl.username"],
  TOPIC_AUTHORIZATION_FAILED: ["PERMISSION_DENIED", "the user may not describe topics", "sasl.username"],
  ERR_WRONG_PROTOCOL: [
    "NOT_A_KAFKA_BROKER",
    "what answers there is not a Kafka broker, or it speaks TLS: check the port and tls",
    "bootstrap_servers",
  ],
  [scramTooExpensive]: [
    "LOGIN_FAILED",
    "the broker asks for more SCRAM iterations than are reasonable",
    "sasl.mechanism",
  ],
  ECONNRESET: [
    "CONNECTION_CLOSED",
    "the broker closed the connection: it may want TLS or a log-in on this port",
    "bootstrap_servers",
  ],
};

/** What an error of kafkajs means. It wraps errors in errors; the innermost that is known says most. */
export function translateKafkaError(error: unknown): ProbeError | undefined {
  const meaning = causes(error)
    .map(meaningOf)
    .findLast((one) => one !== undefined);
  return meaning === undefined ? undefined : new ProbeError(...meaning);
}

function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

function meaningOf(error: Error): Meaning | undefined {
  const known = meanings[errorCode(error)] ?? meanings["type" in error ? String(error.type) : ""];
  if (known !== undefined) return known;
  if (error.name === "KafkaJSConnectionClosedError") return meanings.ECONNRESET;
  if (error.name !== "KafkaJSSASLAuthenticationError") return undefined;
  if (error.message.endsWith(scramTooExpensive)) return meanings[scramTooExpensive];
  const mechanism = error.message.endsWith("mechanism is not supported by the server");
  return meanings[mechanism ? "UNSUPPORTED_SASL_MECHANISM" : "SASL_AUTHENTICATION_FAILED"];
}
