import { type ConfluentConfig, ConfluentConfigSchema } from "../../../gen/connectory/v1/confluent_config_pb.js";
import { checkTls } from "../check-tls.ts";
import type { Connector } from "../connector.ts";
import { checkBootstrapServers } from "../kafka/bootstrap-servers.ts";
import { checkConnectionProperties } from "../kafka/check-connection-properties.ts";
import { kafkaEndpoints } from "../kafka/kafka-endpoints.ts";
import { checkSchemaRegistry } from "../schema-registry/check-schema-registry.ts";
import { confluentAccess } from "./confluent-access.ts";

/** Apache Kafka as a service: reached as `kafka` is, with an API key and always in TLS. */
export const confluent: Connector<ConfluentConfig> = {
  id: "confluent",
  name: "Confluent Cloud",
  description: "Apache Kafka as a service",
  source: true,
  sink: true,
  config: ConfluentConfigSchema,
  describe: ({ bootstrapServers }) => bootstrapServers,
  endpoints: (config) => kafkaEndpoints(confluentAccess(config)),
  check: (config) => [
    ...checkBootstrapServers(config.bootstrapServers),
    ...checkTls(config.tls),
    ...checkConnectionProperties(config.connectionProperties),
    ...checkSchemaRegistry(config.schemaRegistry, "schema_registry."),
  ],
  test: async (config, probe) => (await import("../kafka/test-kafka.ts")).testKafka(confluentAccess(config), probe),
  discover: async (config, probe, question) =>
    (await import("../kafka/discover-topics.ts")).discoverTopics(confluentAccess(config), probe, question),
};
