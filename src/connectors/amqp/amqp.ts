import { type AmqpConfig, AmqpConfigSchema } from "../../../gen/connectory/v1/amqp_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { type Connector, endpointName } from "../sdk/connector.ts";
import { validateHost } from "../sdk/validate-host.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { amqpAddress } from "./amqp-address.ts";

/** A connector for message brokers over AMQP 0-9-1, such as RabbitMQ. */
export const amqp: Connector<AmqpConfig> = {
  id: "amqp",
  name: "AMQP",
  description: "A message broker over AMQP 0-9-1, such as RabbitMQ",
  source: true,
  sink: true,
  config: AmqpConfigSchema,
  describe: (config) => {
    const { username, virtualHost, ...address } = amqpAddress(config);
    return `${username}@${endpointName(address)}/${virtualHost === "/" ? "" : virtualHost}`;
  },
  endpoints: (config) => {
    const { host, port } = amqpAddress(config);
    return [{ host, port }];
  },
  validate: (config) => [
    ...validateHost("host", config.host),
    ...checkVirtualHost(config.virtualHost),
    ...validateTls(config.tls),
  ],
  test: async (config, probe) => (await import("./probe-amqp.ts")).probeAmqp(config, probe),
};

/** AMQP limits the bytes of a virtual host's name; the proto rule can only count characters. */
function checkVirtualHost(name: string): readonly FieldViolation[] {
  if (Buffer.byteLength(name) <= 255) return [];
  return [{ field: "virtual_host", description: "must not be longer than 255 bytes in UTF-8" }];
}
