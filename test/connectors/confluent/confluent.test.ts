import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ConfluentConfigSchema } from "../../../gen/connectory/v1/confluent_config_pb.js";
import { confluent } from "../../../src/connectors/confluent/confluent.ts";
import { canary } from "../../support/canary.ts";
import { fakeBroker } from "../kafka/fake-broker.ts";
import { type LocalServer, pem, secure, startLocalServer } from "../local-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";

type Init = MessageInitShape<typeof ConfluentConfigSchema>;
const secret = canary("confluent-secret");
const configOf = (init: Init) => create(ConfluentConfigSchema, { bootstrapServers: "a:1", key: "K", secret, ...init });

test("is described by its bootstrap servers, and begins with them and the registry", () => {
  const config = configOf({ bootstrapServers: "a:9092,b:9092", schemaRegistry: { endpoint: "https://r.example" } });
  expect(confluent.describe(config)).toBe("a:9092,b:9092");
  expect(confluent.endpoints(config)).toEqual([
    { host: "a", port: 9092 },
    { host: "b", port: 9092 },
    { host: "r.example", port: 443 },
  ]);
});

test.each<[Init, readonly string[]]>([
  [{}, []],
  [{ connectionProperties: { "client.id": "a" }, tls: { ca: pem("authority") } }, []],
  [{ bootstrapServers: "a:0" }, ["bootstrap_servers"]],
  [{ tls: { ca: "none" } }, ["tls.ca"]],
  [{ connectionProperties: { "sasl.password": "a" } }, ['connection_properties["sasl.password"]']],
  [{ schemaRegistry: { endpoint: "https://u:p@r.example" } }, ["schema_registry.endpoint"]],
])("check, case %#", (init, fields) => {
  expect((confluent.validate?.(configOf(init)) ?? []).map(({ field }) => field)).toEqual(fields);
});

test.each([
  [200, undefined],
  [401, "schema_registry.api_secret"],
])("asks the schema registry after the brokers, which answers %i", async (status, field) => {
  const broker: LocalServer = await startLocalServer((socket) =>
    fakeBroker(secure(socket, "server"), {
      advertise: [{ host: "localhost", port: broker.port }],
      topics: { a: 0 },
      complaint: "",
    }),
  );
  const registry = createServer((_, response) => response.writeHead(status).end("[]")).listen(0, "127.0.0.1");
  await once(registry, "listening");
  try {
    const outcome = await tryConnector("confluent", {
      bootstrapServers: `localhost:${broker.port}`,
      key: "K",
      secret,
      tls: { ca: pem("authority") },
      schemaRegistry: {
        endpoint: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
        apiKey: "R",
        apiSecret: secret,
      },
    });
    expect(failure(outcome)?.field).toBe(field);
    const atRegistry = outcome.report.steps.findIndex(({ endpoint }) => endpoint.startsWith("127.0.0.1:"));
    expect(steps(outcome).slice(0, atRegistry)).toContain("CAPABILITY PASSED OK");
    expect(steps(outcome).slice(atRegistry)).not.toContain("CAPABILITY NOT_EXECUTED NOT_REACHED");
  } finally {
    registry.closeAllConnections();
    registry.close();
    await broker.close();
  }
});
