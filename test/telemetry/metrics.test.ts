import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { serveMetrics } from "../../src/telemetry/metrics-server.ts";
import { namesIn, tableRows } from "../docs/read-page.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { ways } from "./protocols.ts";
import { readPrometheus, type Sample } from "./read-prometheus.ts";

const token = "a-token-of-metrics-00";
const calls = 7;

let app: TestApp;
let bearer: string;
beforeAll(async () => {
  app = await startTestApp({
    METRICS_TOKEN: token,
    LOG_LEVEL: "silent",
    KAFKA_BROKERS: "127.0.0.1:1",
    TEST_TIMEOUT_MS: "60000",
  });
  bearer = await app.token({ org: "organization-of-the-test", user: "user-of-the-test" });
});
afterAll(() => app.stop());

const scrape = (authorization = `Bearer ${token}`) => fetch(`${app.httpUrl}/metrics`, { headers: { authorization } });
const metrics = async () => readPrometheus(await (await scrape()).text());

/** The sum of all series of a metric that have these labels. */
function total(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  const fits = (sample: Sample) =>
    sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
  return samples.filter(fits).reduce((sum, { value }) => sum + value, 0);
}

const createConnection = { rpc_method: "connectory.v1.ConnectionService/CreateConnection" };

describe("/metrics", () => {
  test("counts the calls of every protocol by their outcome, exactly", async () => {
    const headers = { authorization: `Bearer ${bearer}` };
    for (const [index, way] of ways.entries()) {
      const before = await metrics();
      for (let call = 0; call < calls; call += 1)
        await way.create(app, { userId1: "a", userId2: `b-${index}-${call}` }, headers);
      await way.create(app, { userId1: "a", userId2: `b-${index}-0` }, headers);
      await way.garble(app, headers);
      const after = await metrics();
      const more = (labels: object) => {
        const all = { ...createConnection, connectory_protocol: way.protocol, rpc_system_name: way.system, ...labels };
        return (
          total(after, "rpc_server_call_duration_count", all) - total(before, "rpc_server_call_duration_count", all)
        );
      };
      expect([way.protocol, more({ rpc_status_code: "OK" })]).toEqual([way.protocol, calls]);
      expect(more({ rpc_status_code: "ALREADY_EXISTS", error_type: "ALREADY_EXISTS" })).toBe(1);
      expect(more({ rpc_status_code: "INVALID_ARGUMENT" })).toBe(1);
      expect(more({})).toBe(calls + 2);
      expect(total(after, "connectory_calls_in_flight", { connectory_protocol: way.protocol })).toBe(0);
    }
    const samples = await metrics();
    const inserts = { connectory_statement: "insert-connections" };
    // Those that are refused by the database were in a statement too.
    expect(total(samples, "connectory_batch_size_sum", inserts)).toBe((calls + 1) * ways.length);
  });

  test("shows the calls that run, and the watches that stay", async () => {
    const running = new AbortController();
    const { grpc } = connectClients(ConnectionService, app, bearer);
    const watch = (async () => {
      for await (const _ of grpc.watchConnections({}, { signal: running.signal }));
    })().catch(() => undefined);
    const labels = { rpc_method: "connectory.v1.ConnectionService/WatchConnections", connectory_protocol: "grpc" };
    await expect.poll(async () => total(await metrics(), "connectory_calls_in_flight", labels)).toBe(1);
    running.abort();
    await watch;
    await expect.poll(async () => total(await metrics(), "connectory_calls_in_flight", labels)).toBe(0);
  });

  test("counts live tests by connector and outcome", async () => {
    const { grpc } = connectClients(ConnectionProfileService, app, bearer);
    const redis = { address: "redis://127.0.0.1:2" };
    await grpc.testConnectionProfile({ config: { connector: { case: "redis", value: redis } } });
    const samples = await metrics();
    const labels = { connectory_connector: "redis", connectory_test_kind: "test", connectory_test_outcome: "failed" };
    expect(
      total(samples, "connectory_test_duration_count", { ...labels, connectory_test_stage: "CONNECT" }),
    ).toBeGreaterThan(0);
    expect(total(samples, "connectory_test_running", { connectory_connector: "redis" })).toBe(0);
  });

  test("tells how far Kafka is behind, and that it cannot be reached", async () => {
    const count = (await app.knex("event").select("id")).length;
    // The database is asked once in five seconds.
    await expect.poll(async () => total(await metrics(), "connectory_events_behind"), { interval: 500 }).toBe(count);
    const samples = await metrics();
    expect(total(samples, "connectory_events_behind_organizations")).toBe(1);
    expect(total(samples, "connectory_events_age")).toBeGreaterThan(0);
    expect(total(samples, "connectory_events_stuck_organizations")).toBe(0);
    await expect.poll(async () => total(await metrics(), "messaging_client_sent_messages_total")).toBeGreaterThan(0);
    for (const { labels } of (await metrics()).filter(({ name }) => name === "messaging_client_sent_messages_total"))
      expect(labels.error_type).toMatch(/^KafkaJS/);
  });

  test("has nothing of organizations and users, and labels of few values only", async () => {
    const text = await (await scrape()).text();
    for (const personal of ["organization-of-the-test", "user-of-the-test", "127.0.0.1", "b-0-0", bearer])
      expect(text).not.toContain(personal);
    const samples = readPrometheus(text);
    const values = Map.groupBy(
      samples.flatMap(({ labels }) => Object.entries(labels)),
      ([name]) => name,
    );
    const many = [...values].filter(([, pairs]) => new Set(pairs.map(([, value]) => value)).size > 40);
    expect(many).toEqual([]);
    expect(samples.length).toBeLessThan(1500);
  });

  test("is served to those who bring METRICS_TOKEN, and cheaply to many at a time", async () => {
    const good = await scrape();
    expect(good.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    for (const wrong of ["", "Bearer", `Bearer ${token}x`, `Basic ${token}`, `Bearer ${bearer}`]) {
      const refused = await scrape(wrong);
      expect([wrong, refused.status, refused.headers.get("www-authenticate")]).toEqual([wrong, 401, "Bearer"]);
      expect(await refused.text()).not.toContain("rpc_");
    }
    const answers = await Promise.all(Array.from({ length: 50 }, async () => (await scrape()).status));
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  test("without a token it is for this machine alone", async () => {
    const readMetrics = async () => "secret 1\n";
    for (const [local, status] of [
      [true, 200],
      [false, 403],
    ] as const) {
      const server = fastify();
      server.register(async (scope) => serveMetrics({ readMetrics, token: undefined, local })(scope));
      const answer = await server.inject("/metrics");
      expect([local, answer.statusCode]).toEqual([local, status]);
      expect(answer.body.includes("secret")).toBe(local);
      await server.close();
    }
  });

  test("goes on while the database is away", async () => {
    await app.breakDatabase();
    const samples = await metrics();
    expect(total(samples, "rpc_server_call_duration_count")).toBeGreaterThan(0);
    await app.mendDatabase();
  });
});

/** Every metric as `name kind`: those of the answer, and those that appear only in cases which other tests make. */
async function knownMetrics(): Promise<string[]> {
  const text = await (await scrape()).text();
  const shown = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
  // Kafka has taken nothing here; kafka-traces.test.ts sees that one.
  shown.push("connectory_events_delivery_duration histogram");
  shown.push("connectory_auth_key_failures_total counter"); // the same; test/auth/issuer-keys.test.ts sees that one
  shown.push("connectory_auth_claim_faults_total counter"); // of external issuers; test/auth/roles.test.ts sees that one
  shown.push("connectory_connections_lock_waits_total counter"); // of a held lock; test/connections/store/log-lock-holders.test.ts
  shown.push("connectory_calls_shed_total counter"); // of an overload; test/interceptors/load-shedder.test.ts sees that one
  return shown.filter((line) => !line.startsWith("target_info"));
}

const root = join(import.meta.dirname, "../..");

test("docs/observability.md names every metric with its kind, and none that is not here", async () => {
  const page = await readFile(join(root, "docs/observability.md"), "utf8");
  const told = [...page.matchAll(/^\| `([a-z0-9_.]+)` \| (counter|gauge|histogram) /gm)].map(
    ([, name = "", kind]) => `${name.replaceAll(".", "_")}${kind === "counter" ? "_total" : ""} ${kind}`,
  );
  expect(told.toSorted()).toEqual((await knownMetrics()).toSorted());
});

test("the dashboard and the rules of Prometheus use metrics and labels that are here, and nothing else", async () => {
  const series = (await knownMetrics()).flatMap((line) => {
    const [name = "", kind] = line.split(" ");
    return kind === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => `${name}${suffix}`) : [name];
  });
  const page = await readFile(join(root, "docs/observability.md"), "utf8");
  const labels = [...page.matchAll(/`((?:rpc|error|connectory|messaging|db|v8js|cpu)\.[a-z0-9_.]+)`/g)].map(
    ([, name = ""]) => name.replaceAll(".", "_"),
  );
  const known = new Set([...series, ...labels, "up", "job", "instance", "le"]);
  for (const file of ["deploy/grafana-dashboard.json", "deploy/prometheus-rules.yaml"]) {
    const expressions = expressionsOf(parse(await readFile(join(root, file), "utf8")));
    expect(expressions.length).toBeGreaterThan(10);
    const names = expressions.flatMap(
      (one) => one.replaceAll(/"[^"]*"|\[[^\]]*\]/g, "").match(/[a-z_][a-z0-9_]*/gi) ?? [],
    );
    const functions = ["sum", "max", "by", "rate", "histogram_quantile"];
    const strange = names.filter((name) => !known.has(name) && !functions.includes(name) && !/^e\d+$/.test(name));
    expect([file, strange]).toEqual([file, []]);
  }
});

test("the rules of Prometheus are the alerts of docs/observability.md", async () => {
  const rules = expressionsOf(parse(await readFile(join(root, "deploy/prometheus-rules.yaml"), "utf8")));
  const page = await readFile(join(root, "docs/observability.md"), "utf8");
  const [, alerts = ""] = page.split("## Alerts\n");
  // In a cell of a table `|` is written `\\|`.
  const documented = tableRows(alerts.replaceAll("\\|", "\0")).flatMap((cells) => namesIn(cells[1] ?? ""));
  expect(rules).toEqual(documented.map((one) => one.replaceAll("\0", "|")));
});

/** Every `expr` of a document, in order. */
function expressionsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "expr" && typeof inner === "string" ? [inner] : expressionsOf(inner),
  );
}
