import { type RabbitmqConfig, RabbitmqConfigSchema } from "../../../gen/connectory/v1/rabbitmq_config_pb.js";
import { type Connector, endpointName } from "../sdk/connector.ts";
import { validateHost } from "../sdk/validate-host.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { rabbitmqAddress } from "./rabbitmq-address.ts";

/** A connector for RabbitMQ, over its stream protocol. */
export const rabbitmq: Connector<RabbitmqConfig> = {
  id: "rabbitmq",
  name: "RabbitMQ Stream",
  description: "A message broker, over its stream protocol",
  source: true,
  sink: false,
  config: RabbitmqConfigSchema,
  describe: (config) => {
    const { username, virtualHost, ...address } = rabbitmqAddress(config);
    return `${username}@${endpointName(address)}/${virtualHost === "/" ? "" : virtualHost}`;
  },
  endpoints: (config) => {
    const { host, port } = rabbitmqAddress(config);
    return [{ host, port }];
  },
  validate: (config) => [...validateHost("host", config.host), ...validateTls(config.tls)],
  test: async (config, probe) => (await import("./probe-rabbitmq.ts")).probeRabbitmq(config, probe),
};
