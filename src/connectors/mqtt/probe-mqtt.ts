import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { IConnackPacket } from "mqtt";
import type { MqttConfig } from "../../../gen/connectory/v1/mqtt_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import { mqttAddress } from "./mqtt-address.ts";
import { createMqttSession, disconnectReason, type MqttSession } from "./mqtt-session.ts";
import { mqttStream } from "./mqtt-stream.ts";
import { refusesVersion, translateMqttError } from "./translate-mqtt-error.ts";

/**
 * Logs in to the broker with MQTT 5, or with 3.1.1 when the broker does not support it; pings it, and subscribes to a topic
 * about the broker itself. Publishes nothing; the broker keeps neither session nor subscription after the connection. Rejects
 * with a ProbeError.
 */
export async function probeMqtt(config: MqttConfig, probe: Probe): Promise<void> {
  const address = mqttAddress(config);
  const { host, port, tls } = address;
  const endpoint = endpointName(address);
  const sessions: MqttSession[] = [];
  const translate = (error: unknown) => translateMqttError(error, config);
  const open = () => probe.open({ host, port, field: "url", tls });
  const logIn = async (socket: Socket, version: 5 | 4) => {
    const session = createMqttSession(await mqttStream(socket, address, probe), {
      version,
      clientId: clientIdOf(config),
      username: config.username,
      password: config.password,
      maxPacketSize: config.maxPacketSize === 0 ? 10_240 : config.maxPacketSize,
      timeoutMs: probe.deadlineMs,
      onServerReference: (reference) => probe.fact("server_reference", reference),
    });
    sessions.push(session);
    return { session, version, welcome: await session.connect() };
  };

  const first = await open();
  const inClear = config.password !== "" && tls === undefined;
  const authenticate: Step = {
    stage: TestStage.AUTHENTICATE,
    endpoint,
    field: "username",
    translate,
    warning: inClear ? { code: "PASSWORD_IN_CLEAR", hint: "the password travels in clear: take mqtts" } : undefined,
  };
  try {
    const { session, version, welcome } = await probe.step(authenticate, async () => {
      try {
        return await logIn(first, 5);
      } catch (error) {
        if (!refusesVersion(error)) throw error;
        return await logIn(await open(), 4);
      }
    });
    recordFacts(probe, version, welcome);
    // CAPABILITY is tested before AUTHORIZE: some brokers close the connection on a denied subscription.
    await probe.step({ stage: TestStage.CAPABILITY, endpoint, field: "url", translate }, () => session.ping());
    await authorize(session, { stage: TestStage.AUTHORIZE, endpoint, field: "username", translate }, probe);
    await session.leave();
  } finally {
    for (const session of sessions) session.close();
  }
}

/** Returns the configured id, or another one for each connection. */
function clientIdOf({ clientId, clientPrefix }: MqttConfig): string {
  if (clientId !== "") return clientId;
  return `${clientPrefix === "" ? "connectory-" : clientPrefix}${randomBytes(6).toString("hex")}`;
}

/** Records the broker's features. In MQTT 5 an omitted property means that the feature is available. */
function recordFacts(probe: Probe, version: 5 | 4, { properties = {} }: IConnackPacket): void {
  probe.fact("protocol_version", version === 5 ? "5" : "3.1.1");
  if (version === 4) return;
  const { maximumPacketSize, maximumQoS = 2, retainAvailable = true, sharedSubscriptionAvailable = true } = properties;
  if (maximumPacketSize !== undefined) probe.fact("maximum_packet_size", String(maximumPacketSize));
  probe.fact("maximum_qos", String(maximumQoS));
  probe.fact("retain_available", String(retainAvailable));
  probe.fact("shared_subscriptions_available", String(sharedSubscriptionAvailable));
}

/** The topic of Mosquitto's version; a subscription to it changes nothing. */
const versionTopic = "$SYS/broker/version";

/**
 * Tests a subscription. MQTT permissions are per topic, and no topic is configured: a user with permission for its own topics
 * only is refused like one without any, by a code, by an end of the connection or by silence. Any of these is a warning, never
 * a failure: the log-in was good.
 */
async function authorize(session: MqttSession, step: Step, probe: Probe): Promise<void> {
  const translate = (error: unknown) => refusedByClosing(error) ?? step.translate?.(error);
  const timeoutMs = Math.ceil(probe.deadlineMs / 3);
  try {
    await probe.step({ ...step, translate, timeoutMs }, async () => {
      const code = await session.subscribe(versionTopic);
      if (code >= 128) throw new ProbeError("PERMISSION_DENIED", denied, "username");
      // A retained message arrives before the response to this ping.
      await session.ping();
      const version = session.received(versionTopic);
      if (version === undefined) throw new ProbeError("PERMISSION_NOT_SHOWN", notShown, "username");
      probe.fact("server_version", version);
    });
  } catch (error) {
    if (probe.signal.aborted || !(error instanceof ProbeError) || !warnings.includes(error.code)) throw error;
    probe.downgradeToWarning(step.endpoint);
  }
}

const warnings = ["PERMISSION_DENIED", "PERMISSION_NOT_SHOWN", "TIMED_OUT"];
const denied = `the broker refused a subscription to ${versionTopic}: see that the user may use the topics that it needs`;
const notShown = `the broker sent nothing for ${versionTopic}, as Mosquitto does to a user who may not read it: see that the user may use the topics that it needs`;

function refusedByClosing(error: unknown): ProbeError | undefined {
  const reason = disconnectReason(error);
  if (errorCode(error) !== "ECONNRESET" && reason === undefined) return undefined;
  return new ProbeError(
    "PERMISSION_DENIED",
    reason === undefined ? denied : `${denied} (reason ${reason})`,
    "username",
  );
}
