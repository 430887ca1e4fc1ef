import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLease } from "../../src/events/lease.ts";
import { createTestDatabase } from "../support/postgres.ts";

const log = pino({ level: "silent" });
let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const lease = (name: string, holder: string, ttlMs = 10_000) =>
  createLease({ knex: database.knex, name, holder, ttlMs, log });

describe("a lease", () => {
  test("one of ten who ask at once gets it", async () => {
    const all = Array.from({ length: 10 }, (_, index) => lease("crowd", `process-${index}`));
    const got = await Promise.all(all.map((one) => one.hold()));
    expect(got.filter(Boolean)).toHaveLength(1);
    expect(all.filter((one) => one.isHeld())).toHaveLength(1);
    await Promise.all(all.map((one) => one.release()));
  });

  test("given back it is free at once, and only its holder can give it back", async () => {
    const [first, second] = [lease("return", "first"), lease("return", "second")];
    expect(await first.hold()).toBe(true);
    expect(await second.hold()).toBe(false);
    await second.release();
    expect(await second.hold()).toBe(false);
    await first.release();
    expect(first.isHeld()).toBe(false);
    expect(await second.hold()).toBe(true);
    await second.release();
  });

  test("it is renewed in the background for as long as it is held", async () => {
    const [first, second] = [lease("renewed", "first", 400), lease("renewed", "second", 400)];
    await first.hold();
    for (let tries = 0; tries < 8; tries += 1) {
      await sleep(150);
      expect(await second.hold()).toBe(false);
      expect(first.isHeld()).toBe(true);
    }
    await first.release();
  });

  test("a holder that can say nothing knows that it lost it before another can have it", async () => {
    const [first, second] = [lease("silent", "first", 600), lease("silent", "second", 600)];
    await first.hold();
    // The row is locked: no renewal of the first gets through. Its end is as it was written last.
    const blocker = await database.knex.transaction();
    await blocker.raw("select 1 from lease where name = 'silent' for update");
    while (first.isHeld()) await sleep(5);
    const { rows } = await blocker.raw(
      "select expires_at > clock_timestamp() - interval '50 ms' as early from lease where name = 'silent'",
    );
    expect(rows).toEqual([{ early: true }]);
    await blocker.rollback();
    await first.release();
    expect(await second.hold()).toBe(true);
    await second.release();
  });

  test("an expired one is taken over, and its old holder notices", async () => {
    const [first, second] = [lease("taken", "first", 300), lease("taken", "second", 10_000)];
    await first.hold();
    await database
      .knex("lease")
      .where("name", "taken")
      .update({ expires_at: new Date(0) });
    expect(await second.hold()).toBe(true);
    while (first.isHeld()) await sleep(5);
    expect(await first.hold()).toBe(false);
    await first.release();
    expect(await database.knex("lease").where("name", "taken").pluck("holder")).toEqual(["second"]);
    await second.release();
  });
});
