import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { SchemaRegistryConfigSchema } from "../../../gen/connectory/v1/schema_registry_config_pb.js";
import { kafka } from "../../../src/connectors/kafka/kafka.ts";
import { probeSchemaRegistry } from "../../../src/connectors/schema-registry/probe-schema-registry.ts";
import { runProbe } from "../../../src/test-workers/probe/run-probe.ts";
import { canary } from "../../support/canary.ts";
import { type HttpServer, startHttpServer } from "../http-server.ts";
import { localDialer } from "../local-server.ts";
import { failure, tryConnector } from "../run-probe.ts";

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const secret = canary("sent-login-ä");
const basic = { case: "basic" as const, value: { username: "ann", password: secret } };
const bearer = { case: "bearer" as const, value: { token: canary("sent-token") } };
const registry = (endpoint: string) => {
  const config = create(SchemaRegistryConfigSchema, { endpoint, apiKey: "ann", apiSecret: secret });
  return runProbe({
    connector: { ...kafka, test: (_, probe) => probeSchemaRegistry(config, probe, "") },
    config: create(KafkaConfigSchema),
    dialer: localDialer,
    signal: new AbortController().signal,
    deadlineMs: 600_000,
  });
};

const inUtf8 = `Basic ${Buffer.from(`ann:${secret}`).toString("base64")}`;

test.each([
  ["http, Basic", (url: string) => tryConnector("http", { url, authentication: basic }), "HTTP Basic in UTF-8", inUtf8],
  [
    "http, Bearer",
    (url: string) => tryConnector("http", { url, authentication: bearer }),
    "Authorization: Bearer",
    `Bearer ${bearer.value.token}`,
  ],
  [
    "iceberg",
    (url: string) => tryConnector("iceberg", { url, token: bearer.value.token }),
    "Authorization: Bearer",
    `Bearer ${bearer.value.token}`,
  ],
  ["a schema registry", registry, "HTTP Basic in UTF-8", inUtf8],
])("a log-in that %s refuses is reported with the form that it was sent in", async (_, run, form, header) => {
  const server = await startHttpServer((__, response) => response.writeHead(401).end());
  servers.push(server);
  const failed = failure(await run(server.url));
  expect(failed?.code).toBe("PASSWORD_WRONG");
  expect(failed?.hint).toContain(`sent as ${form}`);
  expect(server.headers.at(-1)?.authorization).toBe(header);
});
