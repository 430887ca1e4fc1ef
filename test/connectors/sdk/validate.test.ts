import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConfluentConfigSchema } from "../../../gen/connectory/v1/confluent_config_pb.js";
import { KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { NatsConfigSchema } from "../../../gen/connectory/v1/nats_config_pb.js";
import { RedisConfigSchema } from "../../../gen/connectory/v1/redis_config_pb.js";
import { parseBootstrapServers } from "../../../src/connectors/kafka/bootstrap-servers.ts";
import { connectors } from "../../../src/connectors/registry.ts";
import type { FieldViolation } from "../../../src/errors/api-error.ts";
import { pem } from "../local-server.ts";

function violated(init: MessageInitShape<typeof KafkaConfigSchema>): string[] {
  const config = create(KafkaConfigSchema, { bootstrapServers: "a:1", ...init });
  return (connectors.kafka.validate?.(config) ?? []).map(({ field }) => field);
}

describe("check", () => {
  test("has nothing against a good configuration", () => {
    const tls = { ca: pem("authority"), cert: pem("server"), key: pem("server-key"), serverName: "a.example" };
    expect(violated({ tls })).toEqual([]);
    expect(violated({ tls: {} })).toEqual([]);
  });

  test.each([
    [{ bootstrapServers: "a:0" }, "bootstrap_servers"],
    [{ bootstrapServers: "a:9092,b:70000" }, "bootstrap_servers"],
    [{ tls: { ca: "no certificate" } }, "tls.ca"],
    [{ tls: { cert: "no certificate", key: pem("server-key") } }, "tls.cert"],
    [{ tls: { cert: pem("server"), key: "no key" } }, "tls.key"],
    [{ tls: { cert: pem("server") } }, "tls.key"],
    [{ tls: { key: pem("server-key") } }, "tls.cert"],
    [{ tls: { cert: pem("server"), key: pem("expired-key") } }, "tls.key"],
    [{ tls: {}, sasl: { protocol: "SASL_PLAINTEXT" } }, "sasl.protocol"],
  ])("case %#", (init, field) => {
    expect(violated(init)).toEqual([field]);
  });
});

describe("a list of addresses", () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `host-${index}`);
  const inKafka = (hosts: readonly string[]) => ({ bootstrapServers: hosts.map((host) => `${host}:9092`).join(",") });
  const ways: Record<string, (hosts: readonly string[]) => readonly FieldViolation[] | undefined> = {
    bootstrap_servers: (hosts) => connectors.kafka.validate?.(create(KafkaConfigSchema, inKafka(hosts))),
    "bootstrap_servers of confluent": (hosts) =>
      connectors.confluent.validate?.(create(ConfluentConfigSchema, inKafka(hosts))),
    servers: (hosts) => connectors.nats.validate?.(create(NatsConfigSchema, { servers: hosts.join(",") })),
    addresses: (hosts) =>
      connectors.redis.validate?.(create(RedisConfigSchema, { addresses: hosts.map((host) => `redis://${host}`) })),
  };
  test.each(Object.keys(ways))("has 16 of them at most, each counted once: %s", (way) => {
    expect(ways[way]?.(names(16))).toEqual([]);
    expect(ways[way]?.([...names(16), ...names(16)])).toEqual([]);
    const description = "has 17 addresses: give 16 at most";
    expect(ways[way]?.(names(17))).toEqual([{ field: way.split(" ")[0], description }]);
  });
});

describe("parseBootstrapServers", () => {
  test("reads names, addresses and IPv6 in brackets, each once", () => {
    expect(parseBootstrapServers("a:1, B.example:9092 ,[2001:db8::1]:9093,10.0.0.1:4,A:1")).toEqual([
      { host: "a", port: 1 },
      { host: "b.example", port: 9092 },
      { host: "2001:db8::1", port: 9093 },
      { host: "10.0.0.1", port: 4 },
    ]);
  });
});
