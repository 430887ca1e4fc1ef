import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { isTransientError } from "../../../src/database/is-transient-error.ts";
import { ApiError } from "../../../src/errors/api-error.ts";
import {
  type ChangeStream,
  type ChangeStreamOptions,
  createChangeStream,
} from "../../../src/events/watch/change-stream.ts";
import type { Subscription } from "../../../src/events/watch/subscription.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { logEvents } from "../log-events.ts";

type Change = { revision: bigint };
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let statements: string[];
const tails: ChangeStream<Change>[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  statements = [];
  database.knex.on("query", ({ sql }: { sql: string }) => statements.push(sql));
});
afterEach(async () => {
  for (const tail of tails.splice(0)) tail.stop();
  await database.drop();
});

function start(change: Partial<ChangeStreamOptions<Change>> = {}): ChangeStream<Change> {
  const tail = createChangeStream<Change>({
    knex: database.knex,
    types: ["connection.created"],
    toChange: ({ revision }) => ({ revision }),
    maxSubscriptions: { total: 1000, perOrganization: 1000 },
    pollMs: 50,
    ...change,
  });
  tails.push(tail);
  return tail;
}

/** Starts one that has looked, and looks no more by itself: its next poll does not come. `act` is what makes it look. */
async function startAndRest<T>(act: (tail: ChangeStream<Change>) => Promise<T>): Promise<[ChangeStream<Change>, T]> {
  const pollMs = 600_000;
  const timers = vi.spyOn(globalThis, "setTimeout");
  const tail = start({ pollMs });
  const acted = await act(tail);
  await expect.poll(() => timers.mock.calls.filter(([, ms]) => ms === pollMs).length).toBe(1);
  timers.mockRestore();
  return [tail, acted];
}

const open = new AbortController().signal;
const follow = (tail: ChangeStream<Change>, organizationId = "acme", after?: bigint, signal = open) =>
  tail.subscribe({ organizationId, after, signal, evict: () => {} });

/** Reads until so many changes were given, `pauseMs` before each page. */
async function read(follower: Subscription<Change>, count: number, pauseMs = 0): Promise<number[]> {
  const seen: number[] = [];
  while (seen.length < count) {
    if (pauseMs > 0) await sleep(pauseMs);
    seen.push(...(await follower.next(5000)).map(({ revision }) => Number(revision)));
  }
  return seen;
}

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);
const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => "none",
    (error: unknown) => (error instanceof ApiError ? ErrorReason[error.reason] : String(error)),
  );

describe("followers", () => {
  test("are told what is in the log after their revision, and then what comes, each once", async () => {
    const tail = start();
    await logEvents(database.knex, "acme", 300);
    const followers = await Promise.all(
      [0n, 1n, 150n, 299n, 300n, undefined].map((from) => follow(tail, "acme", from)),
    );
    const reading = followers.map((one, index) => read(one, 400 - ([0, 1, 150, 299, 300, 300][index] ?? 0)));
    await logEvents(database.knex, "acme", 100);
    const seen = await Promise.all(reading);
    expect(seen).toEqual([0, 1, 150, 299, 300, 300].map((from) => upTo(400 - from, from + 1)));
    expect(followers.map(({ revision }) => revision)).toEqual(followers.map(() => 400n));
  });

  test("who read slowly are told all of it too, and hold nobody else up", async () => {
    const tail = start();
    const [quick, slow] = await Promise.all([follow(tail), follow(tail)]);
    const slowly = read(slow, 3000, 10);
    const quickly = read(quick, 3000);
    for (let batch = 0; batch < 30; batch += 1) await logEvents(database.knex, "acme", 100);
    expect(await quickly).toEqual(upTo(3000));
    expect(slow.revision).toBeLessThan(3000n);
    expect(await slowly).toEqual(upTo(3000));
  });

  test("of several organizations get each their own", async () => {
    const tail = start();
    const names = upTo(30).map((index) => `org-${index}`);
    const followers = await Promise.all(names.map((name) => follow(tail, name)));
    const reading = followers.map((one, index) => read(one, index + 1));
    await Promise.all(names.map((name, index) => logEvents(database.knex, name, index + 1)));
    expect(await Promise.all(reading)).toEqual(names.map((_, index) => upTo(index + 1)));
  });

  test("woken do not wait for the poll", async () => {
    const [tail, follower] = await startAndRest((one) => follow(one));
    await logEvents(database.knex, "acme", 1);
    expect(await follower.next(200)).toEqual([]);
    const next = follower.next(60_000);
    tail.onCommit();
    expect(await next).toEqual([{ revision: 1n }]);
  });

  test("cost the database one small question a poll while nothing happens, however many they are", async () => {
    const tail = start({ pollMs: 100 });
    const followers = await Promise.all(upTo(100).map((index) => follow(tail, `org-${index % 10}`)));
    const waiting = followers.map((one) => one.next(3000));
    const timers = vi.spyOn(globalThis, "setTimeout");
    const polls = () => timers.mock.calls.filter(([, ms]) => ms === 100).length;
    statements.length = 0;
    await expect.poll(() => statements.length).toBeGreaterThan(5);
    expect(Math.abs(statements.length - polls())).toBeLessThanOrEqual(1);
    timers.mockRestore();
    const { pool } = database.knex.client as { pool: { numUsed(): number; numPendingAcquires(): number } };
    const used = () => pool.numUsed() + pool.numPendingAcquires();
    await expect.poll(used, { interval: 5 }).toBe(0);
    expect((await Promise.all(waiting)).flat()).toEqual([]);
    for (const one of followers) one.unsubscribe();
    await expect.poll(used, { interval: 5 }).toBe(0); // a look that has begun is over
    statements.length = 0;
    await sleep(500);
    expect(statements).toEqual([]);
  });

  test("share one read of what happens", async () => {
    const [tail, followers] = await startAndRest((one) => Promise.all(upTo(100).map(() => follow(one))));
    const reading = followers.map((one) => read(one, 20));
    statements.length = 0;
    await logEvents(database.knex, "acme", 20);
    const written = statements.length;
    tail.onCommit();
    for (const seen of await Promise.all(reading)) expect(seen).toEqual(upTo(20));
    expect(statements.length - written).toBeLessThanOrEqual(3);
  });
});

describe("following ends", () => {
  test("with the signal, while it waits and before it began", async () => {
    const tail = start();
    const gone = new AbortController();
    const follower = await follow(tail, "acme", undefined, gone.signal);
    const next = follower.next(60_000);
    gone.abort(new Error("gone"));
    await expect(next).rejects.toThrow("gone");
    await expect(follow(tail, "acme", undefined, gone.signal)).rejects.toThrow("gone");
  });

  test("with STOPPING when it is stopped, and nobody can begin any more", async () => {
    const tail = start();
    const next = (await follow(tail)).next(60_000);
    tail.stop();
    expect(await reasonOf(next)).toBe("STOPPING");
    expect(await reasonOf(follow(tail))).toBe("STOPPING");
  });

  test("for an organization whose log has a gap, at the gap; the others go on", async () => {
    const tail = start();
    const [damaged, whole] = await Promise.all([follow(tail, "damaged"), follow(tail, "whole")]);
    await database.knex.transaction(async (trx) => {
      await logEvents(trx, "damaged", 5);
      await trx("event").where({ organization_id: "damaged", revision: 3 }).delete();
    });
    await logEvents(database.knex, "whole", 2);
    expect(await read(damaged, 2)).toEqual([1, 2]);
    expect(await reasonOf(damaged.next(5000))).toBe("WATCH_REVISION_INVALID");
    expect(await read(whole, 2)).toEqual([1, 2]);
    expect(await reasonOf((await follow(tail, "damaged", 2n)).next(5000))).toBe("WATCH_REVISION_INVALID");
    expect(await read(await follow(tail, "damaged", 3n), 2)).toEqual([4, 5]);
  });

  test("when the organization has lost revisions behind its back", async () => {
    const tail = start();
    await logEvents(database.knex, "acme", 5);
    const next = (await follow(tail)).next(5000);
    await database.knex("event").where({ organization_id: "acme" }).where("revision", ">", 3).delete();
    await database.knex("organization").where({ id: "acme" }).update({ revision: 3 });
    expect(await reasonOf(next)).toBe("WATCH_REVISION_INVALID");
  });

  test("when the database says nothing, and can begin again once it does", async () => {
    const tail = start({ timeoutMs: 300 });
    const next = (await follow(tail)).next(60_000);
    const locking = await database.knex.transaction();
    await locking.raw("lock table organization in access exclusive mode");
    const failure = await next.then(String, (error: unknown) => error);
    expect(isTransientError(failure)).toBe(true);
    expect(isTransientError(await follow(tail).then(String, (error: unknown) => error))).toBe(true);
    await locking.rollback();
    const again = await follow(tail, "acme", 0n);
    await logEvents(database.knex, "acme", 2);
    expect(await read(again, 2)).toEqual([1, 2]);
  });

  test("for one organization when its event cannot be read; the others go on", async () => {
    const toChange = ({ revision, data }: { revision: bigint; data: { connection?: unknown } }) => {
      if (data.connection === "rubbish") throw new Error("unreadable");
      return { revision };
    };
    const tail = start({ toChange });
    const [bad, good] = await Promise.all([follow(tail, "bad"), follow(tail, "good")]);
    await database.knex.transaction(async (trx) => {
      await logEvents(trx, "bad", 1);
      await trx("event").where({ organization_id: "bad" }).update({ data: '{"connection":"rubbish"}' });
    });
    await logEvents(database.knex, "good", 1);
    await expect(bad.next(5000)).rejects.toThrow("unreadable");
    expect(await read(good, 1)).toEqual([1]);
  });
});

describe("places", () => {
  test("are so many for an organization and for all, and are free again when one leaves or fails", async () => {
    const tail = start({ maxSubscriptions: { total: 3, perOrganization: 2 } });
    const followers = await Promise.all([1, 2].map(() => follow(tail, "a")));
    expect(await reasonOf(follow(tail, "a"))).toBe("TOO_MANY_WATCHES");
    expect(await reasonOf(follow(tail, "c", 7n))).toBe("WATCH_REVISION_INVALID");
    await follow(tail, "b");
    expect(await reasonOf(follow(tail, "b"))).toBe("TOO_MANY_WATCHES");
    followers[0]?.unsubscribe();
    followers[0]?.unsubscribe();
    await follow(tail, "b");
    expect(await reasonOf(follow(tail, "a"))).toBe("TOO_MANY_WATCHES");
    const gone = new AbortController();
    followers[1]?.unsubscribe();
    await follow(tail, "a", undefined, gone.signal);
    gone.abort();
    await vi.waitFor(async () => (await follow(tail, "a")).unsubscribe(), { timeout: 90_000 });
  });
});
