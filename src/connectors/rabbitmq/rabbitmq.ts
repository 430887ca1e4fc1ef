import { type RabbitmqConfig, RabbitmqConfigSchema } from "../../../gen/connectory/v1/rabbitmq_config_pb.js";
import { checkHost } from "../check-host.ts";
import { checkTls } from "../check-tls.ts";
import { type Connector, endpointName } from "../connector.ts";
import { rabbitmqAddress } from "./rabbitmq-address.ts";

/** A message broker, over its stream protocol. */
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
  check: (config) => [...checkHost("host", config.host), ...checkTls(config.tls)],
  test: async (config, probe) => (await import("./test-rabbitmq.ts")).testRabbitmq(config, probe),
};
