import { type ConfluentConfig, ConfluentConfigSchema } from "../../../gen/connectory/v1/confluent_config_pb.js";
import { validateBootstrapServers } from "../kafka/bootstrap-servers.ts";
import { kafkaEndpoints } from "../kafka/kafka-endpoints.ts";
import { validateConnectionProperties } from "../kafka/validate-connection-properties.ts";
import { validateSchemaRegistry } from "../schema-registry/validate-schema-registry.ts";
import type { Connector } from "../sdk/connector.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { confluentAccess } from "./confluent-access.ts";

/** A connector for Confluent's Kafka service: like `kafka`, with an API key and always with TLS. */
export const confluent: Connector<ConfluentConfig> = {
  id: "confluent",
  name: "Confluent Cloud",
  description: "Apache Kafka as a service",
  source: true,
  sink: true,
  config: ConfluentConfigSchema,
  describe: ({ bootstrapServers }) => bootstrapServers,
  endpoints: (config) => kafkaEndpoints(confluentAccess(config)),
  validate: (config) => [
    ...validateBootstrapServers(config.bootstrapServers),
    ...validateTls(config.tls),
    ...validateConnectionProperties(config.connectionProperties),
    ...validateSchemaRegistry(config.schemaRegistry, "schema_registry."),
  ],
  test: async (config, probe) => (await import("../kafka/probe-kafka.ts")).probeKafka(confluentAccess(config), probe),
  discover: async (config, probe, discovery) =>
    (await import("../kafka/discover-topics.ts")).discoverTopics(confluentAccess(config), probe, discovery),
};
