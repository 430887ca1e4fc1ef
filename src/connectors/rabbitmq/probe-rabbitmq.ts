import type { RabbitmqConfig } from "../../../gen/connectory/v1/rabbitmq_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { isValidAdvertisedAddress } from "../sdk/advertised-address.ts";
import { boundedDuplex } from "../sdk/bounded-duplex.ts";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import { rabbitmqAddress } from "./rabbitmq-address.ts";
import { maxFrameLength } from "./read-frames.ts";
import { openStreamClient, type Properties, type StreamClient } from "./stream-client.ts";
import { answerTo, streamCommand } from "./stream-command.ts";
import { translateStreamError } from "./translate-stream-error.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Logs in, opens the virtual host, requests the metadata of no stream, and connects to the address that the broker announces,
 * to which clients are sent. Creates no stream, publishes and consumes nothing. Rejects with a ProbeError.
 */
export async function probeRabbitmq(config: RabbitmqConfig, probe: Probe): Promise<void> {
  const { tls } = config;
  const { host, port, username, virtualHost } = rabbitmqAddress(config);
  const endpoint = endpointName({ host, port });
  const step = (stage: TestStage, field: string): Step => ({ stage, endpoint, field, translate: translateStreamError });
  const authentication: Step = {
    ...step(TestStage.AUTHENTICATE, "username"),
    warning: tls === undefined ? inClear : undefined,
    translate: (error) => {
      if (config.password === "" && errorCode(error) === "RESPONSE_8") return passwordMissing();
      return translateStreamError(error);
    },
  };

  const socket = await probe.open({ host, port, field: "host", tls });
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol: isStreamAnswer, headLength: 8 });
  let announced: Address | undefined;
  try {
    const client = openStreamClient(stream);
    const properties = await probe.step(authentication, () => logInRabbitmq(client, username, config.password));
    reportFacts(properties, probe);
    const opened = await probe.step(step(TestStage.AUTHORIZE, "virtual_host"), () => client.open(virtualHost));
    announced = await probe.step(step(TestStage.CAPABILITY, "host"), async () => {
      await client.askForMetadata();
      await client.close();
      return readAnnounced(opened);
    });
  } finally {
    stream.destroy();
  }
  if (announced === undefined) return;
  probe.fact("advertised_address", endpointName(announced));
  if (config.loadBalancerMode || endpointName(announced).toLowerCase() === endpoint.toLowerCase()) return;
  (await probe.open({ ...announced, field: "host", tls, note: sentThere })).destroy();
}

const inClear = { code: "PASSWORD_IN_CLEAR", hint: "the password travels in clear: configure tls" };

const sentThere =
  "the broker sends its clients to this address (stream.advertised_host): behind a load balancer turn load_balancer_mode on";

function passwordMissing(): ProbeError {
  const hint = "the broker asks for a password and the configuration has none";
  return new ProbeError("PASSWORD_MISSING", hint, "password");
}

async function logInRabbitmq(client: StreamClient, username: string, password: string): Promise<Properties> {
  const own = { product: "Connectory", connection_name: "connectory test" };
  const properties = await client.exchangeProperties(own);
  const mechanisms = await client.mechanisms();
  if (!mechanisms.includes("PLAIN")) throw Object.assign(new Error("PLAIN is not offered"), { code: "RESPONSE_7" });
  await client.logIn(username, password);
  return properties;
}

function reportFacts(properties: Properties, probe: Probe): void {
  for (const [name, property] of Object.entries(factNames)) {
    const value = properties.get(property);
    if (value !== undefined) probe.fact(name, value);
  }
}

const factNames = {
  product: "product",
  server_version: "version",
  cluster_name: "cluster_name",
  platform: "platform",
};

/** Returns the address to which the broker sends its clients; undefined when it announces none. */
function readAnnounced(properties: Properties): Address | undefined {
  const host = properties.get("advertised_host");
  if (host === undefined) return undefined;
  const port = Number(properties.get("advertised_port"));
  if (isValidAdvertisedAddress({ host, port })) return { host, port };
  const hint = "the broker announces an address that is none: look at its stream.advertised_host and advertised_port";
  throw new ProbeError("ADVERTISED_ADDRESS_INVALID", hint, "host");
}

/** Returns true for a broker's first message: the response to the client's properties. */
function isStreamAnswer(firstBytes: Buffer): boolean {
  return (
    firstBytes.readUInt32BE(0) <= maxFrameLength &&
    firstBytes.readUInt16BE(4) === answerTo(streamCommand.peerProperties) &&
    firstBytes.readUInt16BE(6) === 1
  );
}
