import type { MqttConfig } from "../../../gen/connectory/v1/mqtt_config_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";

type Meaning = readonly [code: string, hint: string, field: string];

const unsupported: Meaning = ["VERSION_UNSUPPORTED", "the broker speaks neither MQTT 5 nor 3.1.1", "url"];
const clientId: Meaning = [
  "CLIENT_ID_REFUSED",
  "the broker does not take this client id: give the one that it takes in client_id, or the beginning of those that it takes in client_prefix",
  "client_id",
];
const unavailable: Meaning = ["SERVER_UNAVAILABLE", "the broker takes no connections just now: try again", "url"];
const elsewhere: Meaning = [
  "USE_ANOTHER_SERVER",
  "the broker sends its clients to another server, which was not followed: give that one's URL",
  "url",
];
const closed: Meaning = [
  "CONNECTION_CLOSED",
  "the broker closed the connection: it may not be MQTT, or want TLS or a client certificate",
  "url",
];

/** Return codes of MQTT 3.1.1 (1 to 5) and reason codes of MQTT 5, in CONNACK and DISCONNECT. */
const reasons: Readonly<Record<number, Meaning>> = {
  1: unsupported,
  2: clientId,
  3: unavailable,
  132: unsupported,
  133: clientId,
  136: unavailable,
  137: ["SERVER_BUSY", "the broker is too busy: try again", "url"],
  138: ["BANNED", "the broker has banned this client", "username"],
  139: ["SERVER_UNAVAILABLE", "the broker is shutting down: try again", "url"],
  140: ["LOGIN_REFUSED", "the broker wants another way to log in than a name and a password", "username"],
  149: ["PACKET_TOO_LARGE", "a packet was larger than agreed", "max_packet_size"],
  151: ["QUOTA_EXCEEDED", "a quota at the broker is used up", "username"],
  156: elsewhere,
  157: elsewhere,
  159: ["SERVER_BUSY", "the broker gets connections too fast: try again later", "url"],
};

/** Codes of a rejected log-in: 4 and 134 concern the password; Mosquitto and others send 5 and 135 for a wrong one. */
const loginRefused: readonly unknown[] = [4, 5, 134, 135];

/** Returns the meaning of an error of the mqtt library; undefined for others. */
export function translateMqttError(error: unknown, { username, password }: MqttConfig): ProbeError | undefined {
  const code = reasonCode(error);
  if (loginRefused.includes(code)) return new ProbeError(...loginMeaning(username === "" && password === ""));
  if (typeof code === "number") return new ProbeError(...(reasons[code] ?? otherReason(code)));
  if (errorCode(error) === "ECONNRESET") return new ProbeError(...closed);
  if (isOfProtocol(errorCode(error))) return new ProbeError(...notMqtt);
  return undefined;
}

/** Returns true when a broker requires the older version, or closes the connection on the newer one without a reason. */
export function refusesVersion(error: unknown): boolean {
  return [1, 132, "ECONNRESET"].includes(reasonCode(error) ?? errorCode(error));
}

/**
 * True for errors of the library's parser, which have no code, and of invalid WebSocket frames, whose codes begin with
 * `WS_ERR_`.
 */
function isOfProtocol(code: string): boolean {
  return /^(|ERR_WRONG_PROTOCOL|WS_ERR_.*)$/.test(code);
}

function reasonCode(error: unknown): number | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;
}

function loginMeaning(anonymous: boolean): Meaning {
  return anonymous
    ? ["PASSWORD_MISSING", "the broker wants a log-in, and the configuration has none", "password"]
    : ["PASSWORD_WRONG", "the broker refused the user name or the password, or lets this user not connect", "password"];
}

function otherReason(code: number): Meaning {
  return ["REFUSED_BY_BROKER", `the broker refused the connection with reason ${code}`, "url"];
}

const notMqtt: Meaning = ["NOT_AN_MQTT_BROKER", "what answers there is not an MQTT broker: check host and port", "url"];
