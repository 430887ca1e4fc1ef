import { type KafkaConfig, KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import type { Connector } from "../sdk/connector.ts";
import { kafkaAccess } from "./kafka-access.ts";
import { kafkaEndpoints } from "./kafka-endpoints.ts";
import { validateKafka } from "./validate-kafka.ts";

/** A connector for Apache Kafka and systems with its protocol. */
export const kafka: Connector<KafkaConfig> = {
  id: "kafka",
  name: "Kafka",
  description: "A distributed log of events",
  source: true,
  sink: true,
  config: KafkaConfigSchema,
  describe: ({ bootstrapServers }) => bootstrapServers,
  endpoints: (config) => kafkaEndpoints(kafkaAccess(config)),
  validate: validateKafka,
  test: async (config, probe) => (await import("./probe-kafka.ts")).probeKafka(kafkaAccess(config), probe),
  discover: async (config, probe, discovery) =>
    (await import("./discover-topics.ts")).discoverTopics(kafkaAccess(config), probe, discovery),
};
