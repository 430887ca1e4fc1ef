import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createLease } from "../../../src/events/publisher/lease.ts";
import { createTestDatabase } from "../../support/postgres.ts";

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
    const [first, second] = [lease("renewed", "first", 30_000), lease("renewed", "second", 30_000)];
    const timers = vi.spyOn(globalThis, "setInterval");
    await first.hold();
    const [renew, everyMs] = timers.mock.calls.find(([, ms]) => ms === 10_000) ?? [];
    timers.mockRestore();
    expect(everyMs).toBe(10_000);
    const expiresAt = async () => (await database.knex("lease").where("name", "renewed").pluck("expires_at"))[0];
    for (let renewals = 0; renewals < 3; renewals += 1) {
      const before = await expiresAt();
      renew?.(); // what its timer does
      await expect.poll(async () => (await expiresAt()) > before).toBe(true);
      expect(await second.hold()).toBe(false);
      expect(first.isHeld()).toBe(true);
    }
    await first.release();
  });

  test("a holder that can say nothing knows that it lost it before another can have it", async () => {
    // After its first question the database gets no more of the first one's.
    let asked = 0;
    const cutOff = new Proxy(database.knex, {
      get: (knex, name, receiver) =>
        name === "raw" && asked++ > 0 ? () => Promise.reject(new Error("cut off")) : Reflect.get(knex, name, receiver),
    });
    const first = createLease({ knex: cutOff, name: "silent", holder: "first", ttlMs: 1000, log });
    const second = lease("silent", "second");
    expect(await first.hold()).toBe(true);
    const who = async () => ({ second: await second.hold(), first: first.isHeld() });
    await expect.poll(who, { interval: 1 }).toMatchObject({ second: true });
    expect(first.isHeld()).toBe(false);
    expect(asked).toBeGreaterThan(1);
    await second.release();
  });

  test("an expired one is taken over, and its old holder notices", async () => {
    const [first, second] = [lease("taken", "first"), lease("taken", "second")];
    await first.hold();
    await database
      .knex("lease")
      .where("name", "taken")
      .update({ expires_at: new Date(0) });
    expect(await second.hold()).toBe(true);
    await expect.poll(() => first.isHeld()).toBe(false);
    expect(await first.hold()).toBe(false);
    await first.release();
    expect(await database.knex("lease").where("name", "taken").pluck("holder")).toEqual(["second"]);
    await second.release();
  });

  test("one that expires later than its length from now is void: the database's clock was set back", async () => {
    const [first, second] = [lease("set-back", "first"), lease("set-back", "second")];
    await first.hold();
    await database
      .knex("lease")
      .where("name", "set-back")
      .update({ expires_at: database.knex.raw("now() + interval '1 hour'") });
    expect(await second.hold()).toBe(true);
    expect(await second.hold()).toBe(true);
    const third = lease("set-back", "third");
    expect(await third.hold()).toBe(false); // and no longer than that
    await second.release();
    await first.release();
  });
});
