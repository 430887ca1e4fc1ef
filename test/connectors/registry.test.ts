import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { KafkaConfigSchema } from "../../gen/connectory/v1/kafka_config_pb.js";
import { PostgresConfigSchema } from "../../gen/connectory/v1/postgres_config_pb.js";
import { toConnectorMessage } from "../../src/connectors/connector-message.ts";
import { allConnectors, connectors, findConnector, findListed } from "../../src/connectors/registry.ts";

/** The connectors of pipelines that this service was asked to know, and those of its own. */
const withProfile = "amqp confluent http iceberg kafka mqtt mysql nats postgres rabbitmq redis s3 websocket".split(" ");
const withoutProfile =
  "blackhole delta filesystem fluvio impulse kinesis nexmark polling_http preview single_file sse stdout webhook".split(
    " ",
  );

describe("the registry", () => {
  test("has the connector of every member under the member's name, with the member's message", () => {
    for (const field of ConnectorConfigSchema.fields) {
      const connector = findConnector(connectors, field.name);
      expect(connector?.id).toBe(field.name);
      expect(field.localName).toBe(field.name);
      expect(connector?.config).toBe(field.message);
    }
    expect(allConnectors(connectors).map(({ id }) => id)).toEqual([...withProfile, ...withoutProfile].toSorted());
  });

  test("says of each whether profiles exist, and whose profiles those without one use", () => {
    for (const connector of allConnectors(connectors)) {
      const described = toConnectorMessage(connector);
      expect([described.id, described.hasProfile]).toEqual([connector.id, withProfile.includes(connector.id)]);
      expect([described.id, described.testable]).toEqual([connector.id, described.hasProfile]);
      expect(described.fields.length > 0).toBe(described.hasProfile);
      expect(described.source || described.sink).toBe(true);
      if (described.profileConnector !== "") expect(withProfile).toContain(described.profileConnector);
    }
  });

  test.each(["", "Kafka", "redi", "constructor", "__proto__"])("knows no %j", (id) => {
    expect(findConnector(connectors, id)).toBeUndefined();
    expect(findListed(connectors, id)).toBeUndefined();
  });
});

describe("describe", () => {
  test("of kafka is the bootstrap servers as they were given", () => {
    const config = create(KafkaConfigSchema, { bootstrapServers: "broker1:9092,broker2:9092" });
    expect(connectors.kafka.describe(config)).toBe("broker1:9092,broker2:9092");
  });

  test("of postgres is who, where and what, never the password", () => {
    const init = { host: "db.example", username: "ann", password: "hidden" };
    expect(connectors.postgres.describe(create(PostgresConfigSchema, init))).toBe("ann@db.example:5432/ann");
    const v6 = { ...init, host: "2001:db8::1", port: 6432, database: "shop" };
    expect(connectors.postgres.describe(create(PostgresConfigSchema, v6))).toBe("ann@[2001:db8::1]:6432/shop");
  });
});

describe("the description of a connector", () => {
  test("has every field of its configuration with what its options say", () => {
    const described = toConnectorMessage(connectors.kafka);
    expect(described).toMatchObject({ id: "kafka", source: true, sink: true, hasProfile: true, testable: true });
    const fields = new Map(described.fields.map(({ path, $typeName, ...field }) => [path, field]));
    expect([...fields.keys()]).toEqual(
      expect.arrayContaining([
        "bootstrap_servers",
        "sasl",
        "sasl.password",
        "tls",
        "tls.ca",
        "schema_registry.tls.key",
      ]),
    );
    const plain = { required: false, secret: false, destination: false };
    expect(fields.get("bootstrap_servers")).toEqual({ ...plain, type: "string", required: true, destination: true });
    expect(fields.get("sasl")).toEqual({ ...plain, type: "connectory.v1.KafkaSasl" });
    expect(fields.get("sasl.password")).toEqual({ ...plain, type: "string", required: true, secret: true });
    expect(fields.get("tls.key")).toEqual({ ...plain, type: "string", secret: true });
    expect(fields.get("tls.insecure_skip_verify")).toEqual({ ...plain, type: "bool", destination: true });
  });

  test("names numbers as .proto files do", () => {
    const { fields } = toConnectorMessage(connectors.postgres);
    expect(fields.find(({ path }) => path === "port")?.type).toBe("uint32");
  });
});
