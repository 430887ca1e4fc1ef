import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EventMessage } from "../../../src/events/publisher/event-sink.ts";
import {
  type OutboxRelay,
  type OutboxRelayOptions,
  startOutboxRelay,
} from "../../../src/events/publisher/outbox-relay.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { logEvents } from "../log-events.ts";
import { createMemorySink, type MemorySink } from "./memory-sink.ts";
import { firstCopies } from "./sink-contract.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let sink: MemorySink;
let logged: { level: number; msg: string; organizationId?: string }[];
const relays: OutboxRelay[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  sink = createMemorySink();
  logged = [];
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
  await database.drop();
});

function start(change: Partial<OutboxRelayOptions> = {}): OutboxRelay {
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const relay = startOutboxRelay({
    knex: database.knex,
    sink,
    log,
    topicPrefix: "",
    holder: "one",
    pollMs: 50,
    ...change,
  });
  relays.push(relay);
  return relay;
}

/** The revisions of an organization's API events, in the order in which they were stored first. */
function published(organization: string, from: readonly EventMessage[] = sink.stored): number[] {
  return firstCopies(from)
    .filter(({ topic, headers }) => topic === "connection-created" && headers.ce_organization === organization)
    .map(({ headers }) => Number(headers.ce_revision));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const until = (check: () => void) => vi.waitFor(check, { timeout: 90_000, interval: 10 });

describe("the relay", () => {
  test("hands on what is in the log, each event once, and then what comes", async () => {
    await logEvents(database.knex, "acme", 30);
    await logEvents(database.knex, "other", 5);
    start();
    await until(() => expect(published("acme")).toEqual(upTo(30)));
    await until(() => expect(published("other")).toEqual(upTo(5)));
    await logEvents(database.knex, "acme", 3);
    await until(() => expect(published("acme")).toEqual(upTo(33)));
    expect(sink.stored).toHaveLength(2 * 38);
  });

  test("woken it does not wait for the poll", async () => {
    const looked = new Promise<void>((resolve) => {
      database.knex.on("query-response", (_, { sql }: { sql: string }) => sql.includes("bytes_before") && resolve());
    });
    const relay = start({ pollMs: 600_000 });
    await looked;
    await logEvents(database.knex, "acme", 1);
    await sleep(100);
    expect(published("acme")).toEqual([]);
    relay.onCommit();
    await until(() => expect(published("acme")).toEqual([1]));
  });

  test.each(["nothing", "all"] as const)(
    "what was rejected after %s was stored is sent again before anything else",
    async (after) => {
      await logEvents(database.knex, "acme", 10);
      sink.fail(3, after);
      start();
      await until(() => expect(sink.calls()).toBeGreaterThan(1));
      await logEvents(database.knex, "acme", 10);
      await until(() => expect(published("acme")).toEqual(upTo(20)));
      const trouble = logged.filter(({ msg }) => msg.startsWith("events cannot be published"));
      expect(trouble).toHaveLength(1);
      await until(() => expect(logged.map(({ msg }) => msg)).toContain("events are published again"));
    },
  );

  test("a restarted relay goes on where the last one was", async () => {
    await logEvents(database.knex, "acme", 5);
    const first = start();
    await until(() => expect(published("acme")).toEqual(upTo(5)));
    await first.stop();
    await logEvents(database.knex, "acme", 5);
    start({ holder: "two" });
    await until(() => expect(published("acme")).toEqual(upTo(10)));
    expect(sink.stored).toHaveLength(2 * 10);
  });

  test("of two relays one publishes; when it stops the other goes on at once", async () => {
    const second = createMemorySink();
    const first = start({ leaseMs: 60_000 });
    await logEvents(database.knex, "acme", 5);
    await until(() => expect(published("acme")).toEqual(upTo(5)));
    start({ holder: "two", sink: second, leaseMs: 60_000 });
    await logEvents(database.knex, "acme", 5);
    await until(() => expect(published("acme")).toEqual(upTo(10)));
    expect(second.calls()).toBe(0);
    await first.stop();
    await logEvents(database.knex, "acme", 5);
    await until(() => expect(published("acme", second.stored)).toEqual([11, 12, 13, 14, 15]));
    expect(published("acme")).toEqual(upTo(10));
  });

  test("one that hangs is replaced; what it stores late are repetitions, and the new one stays", async () => {
    const second = createMemorySink();
    await logEvents(database.knex, "acme", 5);
    start();
    await until(() => expect(published("acme")).toEqual(upTo(5)));
    const release = sink.hang();
    await logEvents(database.knex, "acme", 5);
    await until(() => expect(sink.calls()).toBe(2));
    // As if this process had been stopped for longer than its lease: the row is another's now.
    await database.knex("lease").update({ holder: "two", expires_at: new Date(0) });
    start({ holder: "two", sink: second });
    await until(() => expect(published("acme", second.stored)).toEqual([6, 7, 8, 9, 10]));
    release();
    await until(() => expect(published("acme")).toEqual(upTo(10)));
    await sleep(100);
    expect(await database.knex("event_cursor").pluck("revision")).toEqual([10n]);
    expect(await database.knex("lease").pluck("holder")).toEqual(["two"]);
    expect(published("acme", [...sink.stored.slice(0, 10), ...second.stored])).toEqual(upTo(10));
  });

  test("one that cannot publish lets another try", async () => {
    const second = createMemorySink();
    await logEvents(database.knex, "acme", 5);
    sink.fail(Number.POSITIVE_INFINITY);
    start();
    await until(() => expect(sink.calls()).toBe(1));
    start({ holder: "two", sink: second });
    await until(() => expect(published("acme", second.stored)).toEqual(upTo(5)));
  });

  test("stop ends while a publish hangs", async () => {
    await logEvents(database.knex, "acme", 1);
    const release = sink.hang();
    const relay = start();
    await until(() => expect(sink.calls()).toBe(1));
    await relay.stop();
    expect(await database.knex("lease").pluck("holder")).toEqual([]);
    release();
  });

  test("an organization with an event that is too large is told and waits; the others go on", async () => {
    await logEvents(database.knex, "large", 3);
    await database
      .knex("event")
      .where({ organization_id: "large", revision: 2 })
      .update({
        data: JSON.stringify({ connection: { note: "x".repeat(1_100_000) } }),
      });
    await logEvents(database.knex, "small", 30);
    start();
    await until(() => expect(published("small")).toEqual(upTo(30)));
    await until(() => expect(published("large")).toEqual([1]));
    await logEvents(database.knex, "small", 5);
    await until(() => expect(published("small")).toEqual(upTo(35)));
    expect(published("large")).toEqual([1]);
    expect(logged.filter(({ level }) => level === 50)).toMatchObject([{ organizationId: "large", revision: 2 }]);
  });

  test("an organization whose log has a gap is told and left alone; the others go on", async () => {
    await logEvents(database.knex, "damaged", 4);
    await database.knex("event").where({ organization_id: "damaged", revision: 3 }).delete();
    start();
    await until(() => expect(published("damaged")).toEqual([1, 2]));
    await logEvents(database.knex, "whole", 4);
    await until(() => expect(published("whole")).toEqual(upTo(4)));
    expect(published("damaged")).toEqual([1, 2]);
    expect(logged.filter(({ level }) => level === 50)).toMatchObject([{ organizationId: "damaged", revision: 3 }]);
  });
});
