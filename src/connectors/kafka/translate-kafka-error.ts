import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { versionNotOffered } from "../../kafka/require-offered-versions.ts";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import type { LoginFields } from "./kafka-access.ts";
import { scramTooExpensive } from "./sasl/scram-iteration-limit.ts";

type Meaning = readonly [code: string, hint: string, field: keyof LoginFields | "bootstrap_servers", stage?: TestStage];

/**
 * The meaning of broker errors and of the stream's codes. For a field of the log-in, the connector's own name of it is
 * reported.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  SASL_AUTHENTICATION_FAILED: ["PASSWORD_WRONG", "the broker refused the user name or the password", "password"],
  UNSUPPORTED_SASL_MECHANISM: ["MECHANISM_UNKNOWN", "the broker does not offer this SASL mechanism", "mechanism"],
  ILLEGAL_SASL_STATE: [
    "LOGIN_NOT_EXPECTED",
    "the broker expects no log-in on this port: leave it out, or take the port that has it",
    "login",
  ],
  CLUSTER_AUTHORIZATION_FAILED: [
    "PERMISSION_DENIED",
    "the user sees no topic and may not describe the cluster: let it describe the topics that it is for",
    "username",
    TestStage.AUTHORIZE,
  ],
  TOPIC_AUTHORIZATION_FAILED: [
    "PERMISSION_DENIED",
    "the user may not describe topics",
    "username",
    TestStage.AUTHORIZE,
  ],
  ERR_WRONG_PROTOCOL: [
    "NOT_A_KAFKA_BROKER",
    "what answers there is not a Kafka broker, or it speaks TLS: check the port and tls",
    "bootstrap_servers",
  ],
  [versionNotOffered]: [
    "VERSION_UNSUPPORTED",
    "the broker offers the requests of this test only in versions that it does not have",
    "bootstrap_servers",
  ],
  [scramTooExpensive]: ["LOGIN_FAILED", "the broker asks for more SCRAM iterations than are reasonable", "mechanism"],
  ECONNRESET: [
    "CONNECTION_CLOSED",
    "the broker closed the connection: it may want TLS or a log-in on this port",
    "bootstrap_servers",
  ],
};

const noBrokers: Meaning = [
  "NO_BROKERS",
  "the cluster names no broker to go to: it may be starting",
  "bootstrap_servers",
];

/**
 * Returns the meaning of an error of kafkajs; undefined for others. kafkajs nests errors; the innermost known one is the most
 * specific.
 */
export function translateKafkaError(error: unknown, fields: LoginFields): ProbeError | undefined {
  const meaning = causes(error)
    .map(meaningOf)
    .findLast((one) => one !== undefined);
  if (meaning === undefined) return undefined;
  const [code, hint, field, stage] = meaning;
  return new ProbeError(code, hint, field === "bootstrap_servers" ? field : fields[field], stage);
}

function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

function meaningOf(error: Error): Meaning | undefined {
  const known = meanings[errorCode(error)] ?? meanings["type" in error ? String(error.type) : ""];
  if (known !== undefined) return known;
  if (error.name === "KafkaJSConnectionClosedError") return meanings.ECONNRESET;
  // kafkajs drops the error of a broker's metadata request, and throws a TypeError on the missing response.
  if (error instanceof TypeError) return meanings.ECONNRESET;
  // The response declares lengths that exceed it.
  if (error instanceof RangeError) return meanings.ERR_WRONG_PROTOCOL;
  if (error.name === "KafkaJSServerDoesNotSupportApiKey") return meanings[versionNotOffered];
  if (error.name === "KafkaJSBrokerNotFound") return noBrokers;
  if (error.name !== "KafkaJSSASLAuthenticationError") return undefined;
  if (error.message.endsWith(scramTooExpensive)) return meanings[scramTooExpensive];
  const mechanism = error.message.endsWith("mechanism is not supported by the server");
  return meanings[mechanism ? "UNSUPPORTED_SASL_MECHANISM" : "SASL_AUTHENTICATION_FAILED"];
}
