import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { connectClients } from "../support/clients.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import type { DecodedSpan } from "./decode-otlp.ts";
import { type OtlpCollector, startCollector } from "./otlp-collector.ts";
import { ways } from "./protocols.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-traces-"));
const rpc = "connectory.v1.ConnectionService/CreateConnection";

let collector: OtlpCollector;
let server: ServerProcess;
beforeAll(async () => {
  collector = await startCollector();
  server = await startServer({
    DATA_DIR: join(folder, "data"),
    LOG_LEVEL: "info",
    TEST_TIMEOUT_MS: "60000",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: "connectory-under-test",
    OTEL_BSP_SCHEDULE_DELAY: "50",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
  });
});
afterAll(async () => {
  await server?.end("SIGKILL");
  await collector.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The trace context of a caller who records its trace. */
function newCaller(sampled = true) {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  const traceparent = `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
  return { traceId, spanId, headers: { traceparent, tracestate: "vendor=1" } };
}

const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);

/** The span of the one call in a trace. */
async function callSpan(traceId: string): Promise<DecodedSpan> {
  await expect.poll(() => ofTrace(traceId).filter(({ kind }) => kind === 2)).toHaveLength(1);
  return ofTrace(traceId).find(({ kind }) => kind === 2) as DecodedSpan;
}

const lineOf = (traceId: string) =>
  server
    .log()
    .split("\n")
    .filter((line) => line.includes(traceId))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe.each(ways.map((way, index) => ({ ...way, index })))("a call by $protocol ($index)", (way) => {
  const authorized = () => ({ authorization: `Bearer ${server.token}` });

  test("is a span in its caller's trace, with the statement that it waits for below it", async () => {
    const { traceId, spanId, headers } = newCaller();
    await way.create(server, { userId1: "a", userId2: `b-${way.index}` }, { ...authorized(), ...headers });
    const span = await callSpan(traceId);
    expect(span).toMatchObject({ name: rpc, parentSpanId: spanId, tracestate: "vendor=1", status: 0 });
    expect(span.service).toBe("connectory-under-test");
    expect(span.attributes).toEqual({
      "rpc.system.name": way.system,
      "rpc.method": rpc,
      "rpc.status_code": "OK",
      "connectory.protocol": way.protocol,
      "connectory.request_id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    // Two exports can arrive in either order.
    const below = () => ofTrace(traceId).filter(({ parentSpanId }) => parentSpanId === span.spanId);
    await expect.poll(below).toMatchObject([{ name: "insert-connections", kind: 3 }]);
    expect(lineOf(traceId)).toMatchObject([{ rpc, requestId: span.attributes["connectory.request_id"] }]);
  });

  test("that is refused is one too, and so is one that cannot be decoded", async () => {
    const outsider = newCaller();
    await way.create(server, { userId1: "a", userId2: "b" }, outsider.headers);
    // Over MCP who does not log in makes no call at all.
    if (way.protocol !== "mcp")
      expect((await callSpan(outsider.traceId)).attributes).toMatchObject({
        "rpc.status_code": "UNAUTHENTICATED",
        "error.type": "UNAUTHENTICATED",
        "connectory.reason": "TOKEN_MISSING",
        "connectory.protocol": way.protocol,
      });
    const garbled = newCaller();
    await way.garble(server, { ...authorized(), ...garbled.headers });
    const span = await callSpan(garbled.traceId);
    expect(span).toMatchObject({ parentSpanId: garbled.spanId, status: 0 }); // it is not the server's fault
    expect(span.attributes).toMatchObject({
      "rpc.status_code": "INVALID_ARGUMENT",
      "connectory.protocol": way.protocol,
    });
  });
});

describe("traces", () => {
  const profiles = () => connectClients(ConnectionProfileService, server, server.token).grpc;

  test("a live test is a span, and each of its steps one in that; where it dials is in none of them", async () => {
    const { traceId, headers } = newCaller();
    const redis = { address: "redis://127.0.0.1:1" };
    await profiles().testConnectionProfile({ config: { connector: { case: "redis", value: redis } } }, { headers });
    const call = await callSpan(traceId);
    await expect.poll(() => ofTrace(traceId).length).toBe(5);
    const [trial] = ofTrace(traceId).filter(({ parentSpanId }) => parentSpanId === call.spanId);
    expect(trial).toMatchObject({
      name: "test redis",
      attributes: { "connectory.test.outcome": "failed", "connectory.test.stage": "CONNECT" },
    });
    const steps = ofTrace(traceId).filter(({ parentSpanId }) => parentSpanId === trial?.spanId);
    expect(steps.map(({ name, status }) => [name, status])).toEqual([
      ["RESOLVE", 0],
      ["EGRESS", 0],
      ["CONNECT", 2],
    ]);
    expect(JSON.stringify(ofTrace(traceId))).not.toContain("127.0.0.1");
  });

  test("a stream is one span, until its end", async () => {
    const { traceId, headers } = newCaller();
    const redis = { address: "redis://127.0.0.1:1" };
    const config = { connector: { case: "redis" as const, value: redis } };
    await Array.fromAsync(profiles().streamConnectionProfileTest({ config }, { headers }));
    expect((await callSpan(traceId)).name).toMatch(/StreamConnectionProfileTest$/);
  });

  test("what a caller does not want recorded is not, and a header that cannot be read is no parent", async () => {
    const unwanted = newCaller(false);
    await profiles().listConnectors({}, { headers: unwanted.headers });
    const before = collector.spans.length;
    await profiles().listConnectors({}, { headers: { traceparent: `00-${"0".repeat(32)}-nonsense` } });
    await expect.poll(() => collector.spans.length).toBeGreaterThan(before);
    expect(ofTrace(unwanted.traceId)).toEqual([]);
    expect(collector.spans.at(-1)).toMatchObject({ name: expect.stringMatching(/ListConnectors$/), parentSpanId: "" });
    expect(lineOf(unwanted.traceId)).toHaveLength(1);
  });

  test("writes that are gathered into one statement: its span belongs to one of them and is linked to the others", async () => {
    const callers = Array.from({ length: 40 }, () => newCaller());
    const [grpc] = ways;
    await Promise.all(
      callers.map(({ headers }, index) =>
        grpc?.create(
          server,
          { userId1: "gathered-a", userId2: `gathered-b-${index}` },
          { authorization: `Bearer ${server.token}`, ...headers },
        ),
      ),
    );
    const calls = await Promise.all(callers.map(({ traceId }) => callSpan(traceId)));
    const find = () =>
      collector.spans.filter(
        ({ name, parentSpanId }) =>
          name === "insert-connections" && calls.some(({ spanId }) => spanId === parentSpanId),
      );
    await expect.poll(() => find().reduce((sum, { links }) => sum + 1 + links.length, 0)).toBe(40);
    const statements = find();
    const reached = statements.flatMap(({ parentSpanId, links }) => [
      parentSpanId,
      ...links.map((link) => link.spanId),
    ]);
    expect(reached.toSorted()).toEqual(calls.map(({ spanId }) => spanId).toSorted());
    expect(statements.length).toBeLessThan(40);
    const sizes = statements.map(({ attributes }) => Number(attributes["db.operation.batch.size"] ?? 1));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(40);
  });

  test("metrics are pushed as well", async () => {
    await expect.poll(() => collector.metrics).toContain("rpc.server.call.duration");
  });
});
