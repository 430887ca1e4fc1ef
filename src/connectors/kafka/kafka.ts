import { type KafkaConfig, KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { checkTls } from "../check-tls.ts";
import type { Connector } from "../connector.ts";
import { checkBootstrapServers } from "./bootstrap-servers.ts";

/** Apache Kafka and what speaks its protocol. */
export const kafka: Connector<KafkaConfig> = {
  id: "kafka",
  name: "Kafka",
  description: "A distributed log of events",
  source: true,
  sink: true,
  config: KafkaConfigSchema,
  describe: ({ bootstrapServers }) => bootstrapServers,
  check: (config) => [
    ...checkBootstrapServers(config.bootstrapServers),
    ...checkTls(config.tls),
    ...(config.tls !== undefined && config.sasl?.protocol === "SASL_PLAINTEXT" ? [contradiction] : []),
  ],
  test: async (config, probe) => (await import("./test-kafka.ts")).testKafka(config, probe),
};

const contradiction = { field: "sasl.protocol", description: "SASL_PLAINTEXT cannot go with tls: take SASL_SSL" };
