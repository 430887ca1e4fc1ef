import type { ChannelModel } from "amqplib";
import type { AmqpConfig } from "../../../gen/connectory/v1/amqp_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { boundedDuplex } from "../sdk/bounded-duplex.ts";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { amqpAddress } from "./amqp-address.ts";
import { openSession } from "./session.ts";
import { translateAmqpError } from "./translate-amqp-error.ts";

/**
 * Logs in, opens the virtual host, and opens and closes a channel. Declares, publishes and consumes nothing. Rejects with a
 * ProbeError.
 */
export async function probeAmqp(config: AmqpConfig, probe: Probe): Promise<void> {
  const { host, port, username, virtualHost } = amqpAddress(config);
  const { password, tls } = config;
  const endpoint = endpointName({ host, port });
  const socket = await probe.open({ host, port, field: "host", tls });
  let otherVersion = false;
  const isProtocol = (firstBytes: Buffer) => {
    otherVersion = firstBytes.subarray(0, 4).toString("latin1") === "AMQP";
    return isAmqpGreeting(firstBytes);
  };
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol, headLength: 7 });
  const translate = (error: unknown) =>
    otherVersion
      ? new ProbeError(
          "VERSION_UNSUPPORTED",
          "the broker speaks AMQP in another version than 0-9-1, such as 1.0",
          "host",
        )
      : translateAmqpError(error, { username, password });
  const authentication: Step = {
    stage: TestStage.AUTHENTICATE,
    endpoint,
    field: "username",
    warning: tls === undefined ? inClear : undefined,
    translate,
  };
  try {
    const model = await probe.step(authentication, () => openSession({ stream, username, password, virtualHost }));
    // The virtual host was opened with the log-in.
    await probe.step({ stage: TestStage.AUTHORIZE, endpoint, field: "virtual_host" }, async () => {});
    reportFacts(model, probe);
    const capability: Step = { stage: TestStage.CAPABILITY, endpoint, field: "host", translate };
    await probe.step(capability, () => useChannel(model));
  } finally {
    stream.destroy();
  }
}

const inClear = { code: "PASSWORD_IN_CLEAR", hint: "the password travels in clear: configure tls" };

async function useChannel(model: ChannelModel): Promise<void> {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => {});
  // A pending request fails without the reason when the connection breaks, or does not settle; these events have the reason.
  model.on("error", reject).on("close", (error) => error !== undefined && reject(error));
  const use = async () => {
    const channel = await model.createChannel();
    await channel.close();
    await model.close();
  };
  await Promise.race([use(), broken]);
}

function reportFacts({ connection }: ChannelModel, probe: Probe): void {
  const { product, version, cluster_name, platform } = connection.serverProperties;
  // The broker can violate the declared types.
  for (const [name, value] of Object.entries({ product, server_version: version, cluster_name, platform }))
    if (typeof value === "string") probe.fact(name, value);
}

/** A broker begins with a method frame on channel 0, or, with another version, with `AMQP`. */
function isAmqpGreeting(firstBytes: Buffer): boolean {
  return firstBytes.readUInt8(0) === 1 && firstBytes.readUInt16BE(1) === 0;
}
