import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { connectClients } from "../support/clients.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { type OtlpCollector, startCollector } from "./otlp-collector.ts";

const queue = 100;
const batch = 50;

const folder = await mkdtemp(join(tmpdir(), "connectory-lost-"));
let collector: OtlpCollector;
const running: ServerProcess[] = [];
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(async () => {
  await Promise.all(running.map((server) => server.end("SIGKILL")));
  await collector.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(name: string, environment: Record<string, string>): Promise<ServerProcess> {
  const server = await startServer({
    DATA_DIR: join(folder, name),
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BSP_MAX_QUEUE_SIZE: String(queue),
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: String(batch),
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    OTEL_METRIC_EXPORT_INTERVAL: "500",
    ...environment,
  });
  running.push(server);
  return server;
}

async function callOften({ grpcAddress, httpUrl, token }: ServerProcess, count: number): Promise<void> {
  const { grpc } = connectClients(ConnectionProfileService, { grpcAddress, httpUrl }, token);
  for (let done = 0; done < count; done += 50)
    await Promise.all(Array.from({ length: 50 }, () => grpc.getConnector({ id: "kafka" })));
}

describe("a collector", () => {
  test("that is there gets at a stop what was not sent yet, spans and metrics", async () => {
    const patient = { OTEL_BSP_SCHEDULE_DELAY: "600000", OTEL_METRIC_EXPORT_INTERVAL: "600000" };
    const server = await start("patient", { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...patient });
    const { grpc } = connectClients(ConnectionProfileService, server, server.token);
    for (let call = 0; call < 5; call += 1) await grpc.getConnector({ id: "kafka" });
    expect([collector.spans.length, collector.metrics.size]).toEqual([0, 0]);
    await server.end("SIGTERM");
    expect(collector.spans).toHaveLength(5);
    expect(collector.metrics).toContain("rpc.server.call.duration");
  });

  test("that hangs costs no call, no memory without bound, and no stop", async () => {
    collector.behave("hang");
    const server = await start("hanging", { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    await callOften(server, 5 * queue);
    collector.behave("well");
    const before = collector.spans.length;
    await callOften(server, 50);
    // What was waiting is a queue's worth; what was on its way while it hung is lost.
    await expect.poll(() => collector.spans.length).toBeGreaterThan(before);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(collector.spans.length - before).toBeLessThanOrEqual(queue + batch + 50);
    collector.behave("hang");
    await callOften(server, 50);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  test("that refuses, or is not there, is one line in the log and not one for every batch", async () => {
    collector.behave("fail");
    const refused = await start("refusing", { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const nobody = await start("nobody", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
    for (const server of [refused, nobody]) {
      await callOften(server, 2 * queue);
      await expect.poll(() => server.log()).toContain("telemetry cannot be exported");
      await callOften(server, 2 * queue);
      expect(await server.end("SIGTERM")).toBe(0);
      const lines = server.log().trim().split("\n");
      expect(lines.filter((line) => line.includes("telemetry cannot be exported"))).toHaveLength(1);
      expect(lines.every((line) => line.length < 1000)).toBe(true);
    }
  });
});
