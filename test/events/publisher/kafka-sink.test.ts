import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { EventMessage } from "../../../src/events/publisher/event-sink.ts";
import { createKafkaSink } from "../../../src/events/publisher/kafka-sink.ts";
import { type OutboxRelay, startOutboxRelay } from "../../../src/events/publisher/outbox-relay.ts";
import { kafkaForTests } from "../../support/kafka.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { readTopic } from "../../support/read-topic.ts";
import { findProgram } from "../../support/servers/find-program.ts";
import { logEvents } from "../log-events.ts";
import { firstCopies, testSinkContract } from "./sink-contract.ts";

const log = pino({ level: "silent" });
const kafka = await kafkaForTests();
const kcat = findProgram("kcat", "kcat");

describe("Kafka", () => {
  const target = { brokers: kafka.brokers, ssl: false, sasl: undefined, clientId: "connectory-test" };
  afterAll(() => kafka.stop());

  describe("the sink", () => {
    testSinkContract(() => ({
      sink: createKafkaSink({ ...target, brokers: kafka.proxy.brokers }, log),
      // Five, because kafkajs itself tries four times more.
      loseNextAnswer: () => kafka.proxy.loseProduceAnswers(5),
      stored: (topic) => readTopic(kafka.brokers, topic),
    }));

    test("one answer lost: kafkajs's own second try is known to the broker, and nothing is stored twice", async () => {
      const sink = createKafkaSink({ ...target, brokers: kafka.proxy.brokers }, log);
      const messages = [message("once", "first"), message("once", "second")];
      await sink.publish([message("once", "before")]);
      kafka.proxy.loseProduceAnswers(1);
      await sink.publish(messages);
      expect(kafka.proxy.toLose()).toBe(0);
      expect((await readTopic(kafka.brokers, "once")).map(({ value }) => value)).toEqual(["before", "first", "second"]);
      await sink.close();
    });

    test("a connection that has nothing to do sets no timers", async () => {
      const sink = createKafkaSink(target, log);
      await sink.publish([message("calm", "first")]);
      const timers = vi.spyOn(globalThis, "setTimeout");
      await promisify(setImmediate)();
      const before = timers.mock.calls.length;
      await sleep(200);
      // kafkajs left to itself sets one every millisecond.
      expect(timers.mock.calls.length - before).toBeLessThan(5);
      timers.mockRestore();
      await sink.close();
    });

    test("close ends a publish to a broker that says nothing", async () => {
      const sink = createKafkaSink(target, log);
      await sink.publish([message("silence", "first")]);
      kafka.pause();
      try {
        const hanging = expect(sink.publish([message("silence", "second")])).rejects.toThrow();
        await sink.close();
        await hanging;
      } finally {
        kafka.resume();
      }
    });
  });

  describe("with the relay", () => {
    let database: Awaited<ReturnType<typeof createTestDatabase>>;
    let prefix = "";
    let runs = 0;
    const closers: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      database = await createTestDatabase();
    });
    afterEach(async () => {
      for (const close of closers.splice(0).toReversed()) await close();
    });
    afterAll(() => database.drop());

    function start(holder: string, brokers = kafka.brokers): OutboxRelay {
      const sink = createKafkaSink({ ...target, brokers }, log);
      const relay = startOutboxRelay({ knex: database.knex, sink, log, topicPrefix: prefix, holder, pollMs: 100 });
      closers.push(
        () => sink.close(),
        () => relay.stop(),
      );
      return relay;
    }

    /** An organization and topics of the test's own. */
    function fresh(): string {
      runs += 1;
      prefix = `run-${runs}-`;
      return `org-${runs}`;
    }

    /** When the relay has moved past everything, all that Kafka has. */
    async function delivered(organization: string): Promise<{ api: EventMessage[]; database: EventMessage[] }> {
      const { knex } = database;
      await vi.waitFor(
        async () => {
          const [end] = await knex("organization").where("id", organization).pluck("revision");
          const [cursor] = await knex("event_cursor").where("organization_id", organization).pluck("revision");
          expect(cursor).toBe(end);
        },
        { timeout: 25_000, interval: 50 },
      );
      return {
        api: await readTopic(kafka.brokers, `${prefix}connection-created`),
        database: await readTopic(kafka.brokers, `${prefix}connectory-dbevent-connection-created`),
      };
    }

    /** Each of `count` events at least once, and for each key the first copies in the order of the revisions. */
    function expectComplete(messages: readonly EventMessage[], count: number): void {
      const first = firstCopies(messages);
      const revisions = first.map(({ headers }) => Number(headers.ce_revision));
      expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      for (const group of Map.groupBy(first, ({ key }) => key).values()) {
        const ofKey = group.map(({ headers }) => Number(headers.ce_revision));
        expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
      }
    }

    test("events written before a broker is known go out in order when it is", async () => {
      const organization = fresh();
      await logEvents(database.knex, organization, 50);
      start("one");
      const { api, database: rows } = await delivered(organization);
      expect(api).toHaveLength(50);
      expect(rows).toHaveLength(50);
      expectComplete(api, 50);
      expectComplete(rows, 50);
      expect(api[0]).toMatchObject({
        key: "alice,user-0",
        headers: { ce_specversion: "1.0", "content-type": "application/json" },
      });
      expect(new Set([...api, ...rows].map(({ headers }) => headers.ce_id)).size).toBe(100);
    });

    test("the broker dies while events are written: afterwards it has all of them, in order", {
      timeout: 60_000,
    }, async () => {
      const organization = fresh();
      start("one");
      await logEvents(database.knex, organization, 100);
      await kafka.kill();
      await logEvents(database.knex, organization, 100);
      await kafka.restart();
      await logEvents(database.knex, organization, 100);
      const { api, database: rows } = await delivered(organization);
      expectComplete(api, 300);
      expectComplete(rows, 300);
    });

    test("answers are lost again and again while events are written: all of them are there, in order", async () => {
      const organization = fresh();
      start("one", kafka.proxy.brokers);
      for (let round = 0; round < 4; round += 1) {
        kafka.proxy.loseProduceAnswers(5);
        await logEvents(database.knex, organization, 20);
        await vi.waitFor(() => expect(kafka.proxy.toLose()).toBe(0), { timeout: 10_000 });
      }
      const { api, database: rows } = await delivered(organization);
      expectComplete(api, 80);
      expectComplete(rows, 80);
      // The test is worth something only if the broker did store what it could not acknowledge.
      expect(api.length).toBeGreaterThan(80);
    });

    test("a second relay takes over where the first one stopped", async () => {
      const organization = fresh();
      const first = start("one");
      await logEvents(database.knex, organization, 40);
      start("two");
      await delivered(organization);
      await first.stop();
      await logEvents(database.knex, organization, 40);
      const { api } = await delivered(organization);
      expect(api).toHaveLength(80);
      expectComplete(api, 80);
    });
  });

  test("another client reads key, headers and value as they were meant", async () => {
    const sink = createKafkaSink(target, log);
    await sink.publish([message("kcat", "{}")]);
    await sink.close();
    const { stdout } = await promisify(execFile)(kcat, [
      "-C",
      "-b",
      `${kafka.brokers}`,
      "-t",
      "kcat",
      "-e",
      "-q",
      "-J",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      key: "alice,bob",
      payload: "{}",
      headers: ["ce_id", "{}", "content-type", "application/json"],
    });
  });
});

function message(topic: string, value: string): EventMessage {
  return { topic, key: "alice,bob", value, headers: { ce_id: value, "content-type": "application/json" } };
}
