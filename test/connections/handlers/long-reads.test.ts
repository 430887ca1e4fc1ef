import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type ConnectionRepository,
  createConnectionRepository,
} from "../../../src/connections/store/connection-repository.ts";
import { openKnex } from "../../../src/database/open-knex.ts";
import { createTestDatabase } from "../../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let connections: ConnectionRepository;
beforeAll(async () => {
  database = await createTestDatabase();
});
// One for each test: an organization whose reads took long is paced for some seconds.
beforeEach(() => {
  connections = createConnectionRepository(database.knex);
});
afterAll(() => database.drop());

/** How many statements wait for the lock of the test. */
async function waiting(): Promise<number> {
  const { rows } = await database.knex.raw(
    "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows[0].count;
}

test.each([
  [
    "mutual",
    (organizationId: string) =>
      connections.mutual({ organizationId, userId: "a", otherUserId: "b", limit: 1, after: "" }),
  ],
  ["count", (organizationId: string) => connections.count({ organizationId, userId: "a" })],
  ["check", (organizationId: string) => connections.check({ organizationId, pairs: [{ userId1: "a", userId2: "b" }] })],
])("reads of one organization that do not end leave places for those of another: %s", async (_, read) => {
  const holder = await database.knex.transaction();
  try {
    await holder.raw("lock table connection in access exclusive mode");
    const slow = Promise.allSettled(Array.from({ length: 10 }, () => read("slow"))); // some wait too long for a place
    await expect.poll(waiting).toBe(3);
    const other = read("other");
    await expect.poll(waiting).toBe(4);
    await holder.rollback();
    await Promise.all([other, slow]);
  } finally {
    if (!holder.isCompleted()) await holder.rollback();
  }
});

test("reads of several organizations that do not end leave connections of a small pool for everything else", async () => {
  const pool = openKnex(database.target, 6);
  const small = createConnectionRepository(pool);
  const holder = await database.knex.transaction();
  try {
    await holder.raw("lock table connection in access exclusive mode");
    const slow = ["a", "b", "c"].flatMap((organizationId) =>
      Array.from({ length: 5 }, () => small.count({ organizationId, userId: "a" }).catch(() => {})),
    );
    await expect.poll(waiting).toBeGreaterThanOrEqual(4);
    await pool.raw("select 1");
    expect(await waiting()).toBe(4);
    await holder.rollback();
    await Promise.all(slow);
  } finally {
    if (!holder.isCompleted()) await holder.rollback();
    await pool.destroy();
  }
});

test("an organization whose mutual lists take long reads one at a time while another calls", async () => {
  const mutual = (organizationId: string) =>
    connections.mutual({ organizationId, userId: "a", otherUserId: "b", limit: 1, after: "" });
  const hold = async (during: () => Promise<unknown>) => {
    const holder = await database.knex.transaction();
    try {
      await holder.raw("lock table connection in access exclusive mode");
      await during();
    } finally {
      await holder.rollback();
    }
  };
  let first: Promise<unknown> = Promise.resolve();
  await hold(async () => {
    first = mutual("slow");
    await expect.poll(waiting).toBe(1);
    await delay(20); // longer than a read that is cheap
  });
  await first;
  const reads: Promise<unknown>[] = [];
  await hold(async () => {
    reads.push(connections.count({ organizationId: "other", userId: "a" }));
    reads.push(...Array.from({ length: 3 }, () => mutual("slow").catch(() => {})));
    await expect.poll(waiting).toBe(2);
    await delay(100);
    expect(await waiting()).toBe(2);
  });
  await Promise.all(reads);
});
