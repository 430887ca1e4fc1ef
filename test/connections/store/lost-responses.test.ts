import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { InsertedConnection, NewConnection } from "../../../src/connections/connection-record.ts";
import { createConnectionRepository } from "../../../src/connections/store/connection-repository.ts";
import { insertConnections } from "../../../src/connections/store/insert-connections.ts";
import { isTransientError } from "../../../src/database/is-transient-error.ts";
import { openKnex } from "../../../src/database/open-knex.ts";
import { type FaultProxy, openFaultProxy } from "../../client/open-fault-proxy.ts";
import { createTestDatabase, socketOf } from "../../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let proxy: FaultProxy;
let behind: Knex;
let org: string;
beforeAll(async () => {
  database = await createTestDatabase();
  // Whoever has inserted connections of bob waits for as long as the gate is closed, and only then commits.
  await database.knex.raw(`
    create table closed_gate (id int);
    create function wait_at_gate() returns trigger language plpgsql as $$ begin
      while exists (select from closed_gate) loop perform pg_sleep(0.01); end loop;
      return null;
    end $$;
    create trigger gate after insert on connection for each row when (new.user_id_1 = 'bob')
      execute function wait_at_gate()`);
});
afterAll(() => database.drop());
beforeEach(async () => {
  org = `org-${randomUUIDv7()}`;
  proxy = await openFaultProxy(socketOf(database.target));
  const [host = "", port] = proxy.address.split(":");
  behind = openKnex({ ...database.target, host, port: Number(port) }, 3);
});
afterEach(async () => {
  await database.knex.raw("delete from closed_gate");
  await behind.destroy();
  await proxy.close();
});

const signal = new AbortController().signal;

function newConnection(userId1: string, userId2: string, more: { connectedSince?: Date } = {}): NewConnection {
  const now = new Date();
  const times = { connectedSince: now, createdAt: now, updatedAt: now, archivedAt: null, ...more };
  const record = { id: randomUUIDv7(), userId1, userId2, isActive: true, recordVersion: 1, owner: "alice", ...times };
  return { caller: { organizationId: org, userId: "alice", requestId: "call-1" }, record, signal };
}

const writtenIds = () => database.knex("connection").where({ organization_id: org }).pluck<string[]>("id");
const eventSubjects = () =>
  database.knex("event").where({ organization_id: org }).orderBy("revision").pluck<string[]>("subject");

async function untilWaiting(count: number, event: string) {
  const waiting = `select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event = '${event}' and state = 'active'`;
  await expect
    .poll(async () => (await database.knex.raw(waiting)).rows, { timeout: 90_000, interval: 20 })
    .toEqual([{ n: count }]);
}

/** A year that timestamptz does not have. */
const refused = { connectedSince: new Date(8.64e15) };

test("of a batch that is split, the half that is committed is answered so when the other one loses its connection", async () => {
  const items = [newConnection("a", "b"), newConnection("a", "c"), newConnection("a", "d", refused)];
  items.push(newConnection("a", "e"));
  behind.once("query-response", () => {
    proxy.refuse(true);
    proxy.cut("reset");
  });
  const results = await insertConnections(behind, items);
  const written = await writtenIds();
  expect(written).toHaveLength(2);
  for (const [index, result] of results.entries()) {
    const isThere = written.includes(items[index]?.record.id ?? "");
    expect(isThere ? result : isTransientError(result)).toEqual(isThere ? { revision: BigInt(index + 1) } : true);
  }
});

test("a commit whose answer is lost is answered as committed", async () => {
  const items = [newConnection("bob", "c"), newConnection("bob", "d")];
  await database.knex.raw("insert into closed_gate values (1)");
  const inserting = insertConnections(behind, items);
  await untilWaiting(1, "PgSleep");
  proxy.freeze();
  await database.knex.raw("delete from closed_gate");
  await expect.poll(async () => (await writtenIds()).length, { timeout: 90_000 }).toBe(2);
  proxy.cut("reset");
  expect(await inserting).toEqual([{ revision: 1n }, { revision: 2n }]);
  expect(await eventSubjects()).toEqual(items.map(({ record }) => record.id));
});

test("a statement that goes on after its connection is lost is waited for, and written once", async () => {
  const [first] = [newConnection("bob", "c")] as const;
  await database.knex.raw("insert into closed_gate values (1)");
  const inserting = insertConnections(behind, [first]);
  await untilWaiting(1, "PgSleep");
  proxy.cut("reset");
  await untilWaiting(1, "transactionid"); // the second one, for the first
  await database.knex.raw("delete from closed_gate");
  expect(await inserting).toEqual([{ revision: 1n }]);
  expect(await eventSubjects()).toEqual([first.record.id]);
});

test("a statement that was rolled back with its connection is written by the next one", async () => {
  const items = [newConnection("bob", "c")];
  await database.knex.raw("insert into closed_gate values (1)");
  const inserting = insertConnections(behind, items);
  await untilWaiting(1, "PgSleep");
  const [{ pid }] = (await database.knex.raw("select pid from pg_stat_activity where wait_event = 'PgSleep'")).rows;
  await database.knex.raw("select pg_terminate_backend(?)", [pid]);
  await database.knex.raw("delete from closed_gate");
  expect(await inserting).toEqual([{ revision: 1n }]);
  expect(await writtenIds()).toEqual(items.map(({ record }) => record.id));
});

test("with fewer connections than the pool, that are ended all the time, every create is answered as it ended", async () => {
  const { knex, target } = database;
  const role = `limited_${randomUUIDv7().replaceAll("-", "")}`;
  await knex.raw(`create role ${role} login connection limit 3; grant all on all tables in schema public to ${role}`);
  const limited = openKnex({ ...target, user: role }, 10);
  const repository = createConnectionRepository(limited);
  const answers = new Map<string, InsertedConnection | Error>();
  let running = true;
  const caller = async (name: number) => {
    for (let index = 0; index < 40; index += 1) {
      // One in twenty splits its batch, and one in eight is in the way of another.
      const more = (name + index) % 20 === 0 ? refused : {};
      const item = newConnection("hub", index % 8 === 0 ? `x${index}` : `u${name}-${index}`, more);
      answers.set(item.record.id, await repository.insert(item).catch((error: Error) => error));
      await repository.count({ organizationId: org, userId: "hub" }).catch(() => undefined);
    }
  };
  const ending = async () => {
    let ended = 0;
    for (; running; await sleep(30)) {
      const { rows } = await knex.raw(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = ? order by random() limit 1",
        [role],
      );
      ended += rows.length;
    }
    return ended;
  };
  const breaking = ending();
  await Promise.all(Array.from({ length: 40 }, (_, name) => caller(name)));
  running = false;
  expect(await breaking).toBeGreaterThan(10);
  const answered = [...answers].filter(([, answer]) => !(answer instanceof Error)).map(([id]) => id);
  expect(answered.length).toBeGreaterThan(0);
  expect((await writtenIds()).toSorted()).toEqual(answered.toSorted());
  expect((await eventSubjects()).toSorted()).toEqual(answered.toSorted());
  await limited.destroy();
  await knex.raw(`drop owned by ${role}; drop role ${role}`);
});
