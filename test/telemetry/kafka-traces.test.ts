import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openKnex } from "../../src/database/open-knex.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { readTopic } from "../support/read-topic.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { type OtlpCollector, startCollector } from "./otlp-collector.ts";
import { ways } from "./protocols.ts";
import { readPrometheus } from "./read-prometheus.ts";

const kafka = await kafkaForTests();

describe("a trace goes on into Kafka", () => {
  let folder: string;
  let collector: OtlpCollector;
  let server: ServerProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "connectory-kafka-traces-"));
    collector = await startCollector();
    server = await startServer({
      DATA_DIR: join(folder, "data"),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      KAFKA_BROKERS: kafka.brokers.join(","),
    });
  });
  afterAll(async () => {
    await server?.end("SIGKILL");
    await collector?.stop();
    await kafka.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(ways.map((way, index) => ({ ...way, index })))("of a call by $protocol ($index)", async (way) => {
    const traceId = randomBytes(16).toString("hex");
    const headers = {
      authorization: `Bearer ${server.token}`,
      traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01`,
      tracestate: "vendor=1",
    };
    await way.create(server, { userId1: "a", userId2: `b-${way.index}` }, headers);
    const spansOf = (kind: number) => collector.spans.filter((span) => span.traceId === traceId && span.kind === kind);
    const sent = async () => {
      const messages = await readTopic(kafka.brokers, "connection-created");
      return messages.filter(({ value }) => value.includes(`"b-${way.index}"`));
    };
    await expect.poll(async () => (await sent()).length).toBe(1);
    await expect.poll(() => [spansOf(2).length, spansOf(4).length]).toEqual([1, 1]);
    const [call] = spansOf(2);
    const traceparent = `00-${traceId}-${call?.spanId}-01`;

    const [message] = await sent();
    expect(message?.headers).toMatchObject({ traceparent, tracestate: "vendor=1" });
    const { port, user, password, database } = { port: 5432, user: "connectory", password: "", database: "connectory" };
    const knex = openKnex({ host: join(folder, "data/postgres"), port, user, password, database }, 1);
    const [event] = await knex("event").where("traceparent", traceparent).select("type", "tracestate");
    await knex.destroy();
    expect(event).toEqual({ type: "connection.created", tracestate: "vendor=1" });
    expect(spansOf(4)[0]).toMatchObject({
      name: "send events",
      parentSpanId: call?.spanId,
      attributes: { "messaging.system.name": "kafka", "messaging.batch.message_count": 2 },
    });
  });

  test("what Kafka has taken is counted by topic, and nothing is behind", async () => {
    const samples = readPrometheus(await (await fetch(`${server.httpUrl}/metrics`)).text());
    const of = (name: string) => samples.filter((sample) => sample.name === name);
    const byTopic = of("messaging_client_sent_messages_total").map(({ labels, value }) => [
      labels.messaging_destination_name,
      value,
    ]);
    expect(Object.fromEntries(byTopic)).toEqual({
      "connection-created": ways.length,
      "connectory-dbevent-connection-created": ways.length,
    });
    expect(of("connectory_events_delivery_duration_count")).toMatchObject([{ value: ways.length }]);
    expect(of("connectory_events_behind")).toMatchObject([{ value: expect.any(Number) }]);
  });
});
