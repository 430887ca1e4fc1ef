import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, fromJson, toJsonString } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService, ValidationMode } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { secretFields } from "../../src/connection-profiles/config/secret-fields.ts";
import { validConfigs } from "../connection-profiles/valid-configs.ts";
import { canary } from "../support/canary.ts";
import { connectClients } from "../support/clients.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { readTopic } from "../support/read-topic.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { startCollector } from "../telemetry/otlp-collector.ts";

const kafka = await kafkaForTests();
const collector = await startCollector();
const folder = await mkdtemp(join(tmpdir(), "connectory-scan-"));
const environmentSecret = canary("from-the-environment");

/** Every value that must not be seen anywhere; of a key in PEM a line from its middle. */
const secrets = new Set([
  environmentSecret,
  canary("updated"),
  canary("misplaced"),
  canary("rollback"),
  ...validConfigs
    .flatMap((config) => secretFields(reflect(ConnectorConfigSchema, config)))
    .map((slot) => new TextDecoder().decode(slot.get()))
    .filter((value) => value !== "")
    .map((value) => (value.includes("-----BEGIN") ? (value.split("\n")[1] ?? value) : value)),
]);

/** The forms in which a value could hide, as bytes in hex. */
const forms = [...secrets].flatMap((secret) => {
  const bytes = Buffer.from(secret);
  return [
    bytes,
    Buffer.from(secret, "utf16le"),
    Buffer.from(bytes.toString("hex")),
    Buffer.from(bytes.toString("base64").replace(/=+$/, "").slice(0, -1)),
    Buffer.from(bytes.toString("base64url").slice(0, -1)),
    Buffer.from(encodeURIComponent(secret)),
    Buffer.from(JSON.stringify(secret).slice(1, -1)),
  ].map((form) => ({ secret, form }));
});

/** What is not secret, and must be found: the scan looks where things are. */
const marker = "scan-marker-2c1f";

function found(where: string, bytes: Buffer): string[] {
  return forms.filter(({ form }) => bytes.includes(form)).map(({ secret }) => `${secret.slice(0, 40)} in ${where}`);
}

let server: ServerProcess;
let client: ReturnType<typeof connectClients<typeof ConnectionProfileService>>["grpc"];
const answers: string[] = [];
const outcomes = new Map<string, number>();

/** Makes a call and keeps all that the caller gets to see of it. */
async function call<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    const answer = await work();
    answers.push(JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
    outcomes.set(`${name} ok`, (outcomes.get(`${name} ok`) ?? 0) + 1);
    return answer;
  } catch (reason) {
    const error = ConnectError.from(reason);
    const details = error.details.map((detail) =>
      "value" in detail ? Buffer.from(detail.value as Uint8Array).toString("latin1") : "",
    );
    answers.push(error.message, ...details, JSON.stringify([...error.metadata]));
    outcomes.set(`${name} ${error.code}`, (outcomes.get(`${name} ${error.code}`) ?? 0) + 1);
    return undefined;
  }
}

beforeAll(async () => {
  server = await startServer({
    DATA_DIR: join(folder, "data"),
    LOG_LEVEL: "trace",
    TEST_TIMEOUT_MS: "2000",
    SECRET_ENV_ALLOW: "SCANNED_SECRET",
    SCANNED_SECRET: environmentSecret,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_METRIC_EXPORT_INTERVAL: "1000",
    KAFKA_BROKERS: kafka.brokers.join(","),
    KAFKA_TOPIC_PREFIX: "scan.",
  });
  client = connectClients(ConnectionProfileService, server, server.token).grpc;
});
afterAll(async () => {
  await server?.end("SIGKILL");
  await kafka.stop();
  await collector.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Everything that can be done with a profile of one configuration, the wrong things too. */
async function exercise(name: string, config: ConnectorConfig): Promise<void> {
  const request = { name, labels: { a: marker }, config };
  await call("preview", () => client.createConnectionProfile({ ...request, validateOnly: true }));
  await call("live", () => client.createConnectionProfile({ ...request, validationMode: ValidationMode.LIVE }));
  await call("unsaved", () => client.testConnectionProfile({ config }));
  const created = await call("create", () => client.createConnectionProfile(request));
  await call("twice", () => client.createConnectionProfile(request));
  const profile = created?.connectionProfile;
  if (profile === undefined) return;
  const { id } = profile;
  await call("get", () => client.getConnectionProfile({ id }));
  await call("test", () => client.testConnectionProfile({ id }));
  await call("stream", async () => Array.fromAsync(client.streamConnectionProfileTest({ id })));
  await call("discover", () => client.discoverConnectionProfile({ id }));
  await call("edited", () => client.testConnectionProfile({ id, config }));
  await call("update", () => client.updateConnectionProfile({ id, labels: { c: "d" }, config }));
  const moved = JSON.parse(
    toJsonString(ConnectorConfigSchema, profile.config ?? config).replaceAll("127.0.0.1", "127.0.0.2"),
  );
  await call("moved", () => client.updateConnectionProfile({ id, config: fromJson(ConnectorConfigSchema, moved) }));
  await call("rollback", () =>
    client.rollbackConnectionProfile({ id, revision: profile.revision, secrets: { nothing: canary("rollback") } }),
  );
  await call("revisions", () => client.listConnectionProfileRevisions({ id }));
  await call("delete", () => client.deleteConnectionProfile({ id }));
  await call("undelete", () => client.undeleteConnectionProfile({ id }));
}

describe("no secret is seen in clear", () => {
  test("whatever is done with profiles of every connector", { timeout: 240_000 }, async () => {
    for (const [index, config] of validConfigs.entries()) await exercise(`${config.connector.case}-${index}`, config);
    await call("list", () => client.listConnectionProfiles({ showDeleted: true, pageSize: 1000 }));
    const environment = { host: "127.0.0.1", port: 1, username: "u", password: "{{ SCANNED_SECRET }}" };
    const config = create(ConnectorConfigSchema, { connector: { case: "postgres", value: environment } });
    await exercise("environment", config);
    await call("expunge", async () => {
      const { connectionProfiles } = await client.listConnectionProfiles({ filter: "name = environment" });
      return client.expungeConnectionProfile({ id: connectionProfiles[0]?.id ?? "" });
    });
    // As many profiles as configurations, but for those whose secrets cannot be told from rubbish by a rule.
    expect(outcomes.get("create ok")).toBeGreaterThanOrEqual(validConfigs.length);
    for (const name of ["get", "test", "stream", "edited", "update", "revisions", "delete", "undelete"])
      expect([name, outcomes.get(`${name} ok`)]).toEqual([name, outcomes.get("create ok")]);
    expect([...outcomes.keys()].filter((name) => / (2|13|15)$/.test(name))).toEqual([]);
  });

  test("when it stands where no secret belongs", async () => {
    const secret = canary("misplaced");
    const bodies = [
      { name: { deeper: secret } },
      { name: secret.repeat(20) },
      { config: { kafka: { bootstrapServers: secret } } },
      { config: { kafka: { sasl: { password: [secret] } } } },
      { config: { postgres: { host: "h", username: "u", port: secret } } },
      { [secret]: 1 },
      `{"name": "${secret}`,
    ];
    const url = `${server.httpUrl}/connectory.v1.ConnectionProfileService/CreateConnectionProfile`;
    const headers = { "content-type": "application/json", authorization: `Bearer ${server.token}` };
    for (const body of bodies) {
      const answer = await fetch(url, {
        method: "POST",
        headers,
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      expect(answer.status).toBe(400);
      // What the caller has put where names stand may be in her own error; nobody else may see it.
    }
  });

  test("in any answer, in the log, in a span, a metric, in Kafka, or in a file of the database", {
    timeout: 60_000,
  }, async () => {
    expect(secrets.size).toBeGreaterThan(15);
    expect(answers.flatMap((answer, index) => found(`answer ${index}`, Buffer.from(answer)))).toEqual([]);
    for (const happened of ["created", "updated", "deleted", "tested", "expunged"]) {
      const topic = `scan.connection-profile-${happened}`;
      await expect.poll(async () => (await readTopic(kafka.brokers, topic)).length).toBeGreaterThan(0);
      const messages = await readTopic(kafka.brokers, topic);
      expect(found(topic, Buffer.from(JSON.stringify(messages)))).toEqual([]);
    }
    expect(found("/metrics", Buffer.from(await (await fetch(`${server.httpUrl}/metrics`)).arrayBuffer()))).toEqual([]);
    await sleep(200);
    await server.end("SIGTERM");
    expect(collector.spans.length).toBeGreaterThan(500);
    expect(collector.metrics).toContain("connectory.test.duration");
    expect(collector.received.flatMap((bytes, index) => found(`export ${index}`, bytes))).toEqual([]);
    expect(collector.received.flatMap((bytes) => (bytes.includes(marker) ? ["customer data"] : []))).toEqual([]);
    expect(server.log().length).toBeGreaterThan(10_000);
    expect(found("the log", Buffer.from(server.log() + server.output()))).toEqual([]);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const marked: string[] = [];
    for (const file of files.filter((entry) => entry.isFile())) {
      const path = join(file.parentPath, file.name);
      const content = await readFile(path);
      if (content.includes(marker)) marked.push(path);
      expect(found(path, content)).toEqual([]);
    }
    expect(marked.some((path) => path.includes("base/"))).toBe(true);
    expect(marked.some((path) => path.includes("pg_wal/"))).toBe(true);
    for (const { secret, form } of forms)
      expect(found("here", Buffer.concat([Buffer.from("x"), form]))).toContain(`${secret.slice(0, 40)} in here`);
  });
});
