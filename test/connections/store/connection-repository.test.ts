import { randomUUIDv7 } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ConnectionSchema } from "../../../gen/connectory/v1/connection_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { NewConnection } from "../../../src/connections/connection-record.ts";
import { type ConnectionRecord, toConnection, toConnectionJson } from "../../../src/connections/connection-record.ts";
import { createConnectionRepository } from "../../../src/connections/store/connection-repository.ts";
import { insertConnections } from "../../../src/connections/store/insert-connections.ts";
import { isTransientError } from "../../../src/database/is-transient-error.ts";
import { openKnex } from "../../../src/database/open-knex.ts";
import { ApiError } from "../../../src/errors/api-error.ts";
import type { Actor } from "../../../src/interceptors/event-actor.ts";
import { openFaultProxy } from "../../client/open-fault-proxy.ts";
import { createTestDatabase, socketOf } from "../../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let knex: Knex;
let org: string;
let commits = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  knex = database.knex;
});
afterAll(() => database.drop());
beforeEach(() => {
  org = `org-${randomUUIDv7()}`;
});

const open = new AbortController().signal;

function newConnection(
  userId1: string,
  userId2: string,
  more: Partial<ConnectionRecord> & { organizationId?: string; signal?: AbortSignal } = {},
): NewConnection {
  const { organizationId = org, signal = open, ...record } = more;
  const now = new Date();
  return {
    caller: callerIn(organizationId),
    record: {
      id: randomUUIDv7(),
      userId1,
      userId2,
      connectedSince: now,
      isActive: true,
      recordVersion: 1,
      createdAt: now,
      updatedAt: now,
      archivedAt: null,
      owner: "alice",
      ...record,
    },
    signal,
  };
}

function callerIn(organizationId: string): Actor {
  return { organizationId, userId: "alice", requestId: "call-1" };
}

async function reasonOf(call: Promise<unknown> | unknown): Promise<string> {
  const outcome = await Promise.resolve(call).catch((thrown: unknown) => thrown);
  if (outcome instanceof ApiError) return ErrorReason[outcome.reason] ?? "";
  return outcome instanceof Error ? outcome.message : "none";
}

const revisions = (organizationId: string) =>
  knex("event").where({ organization_id: organizationId }).orderBy("revision").pluck<bigint[]>("revision");

describe("connections in the database", () => {
  const connections = (lockHeld: (organizationId: string) => void = () => {}) =>
    createConnectionRepository(knex, {
      lockHeld,
      onCommit: () => {
        commits += 1;
      },
    });

  test("what a batch has committed is answered as committed when the look-up for the others then fails", async () => {
    const [taken, fresh] = [newConnection("a", "b"), newConnection("a", "c")];
    await insertConnections(knex, [taken]);
    const proxy = await openFaultProxy(socketOf(database.target));
    const [host = "", port] = proxy.address.split(":");
    const behind = openKnex({ ...database.target, host, port: Number(port) }, 1);
    behind.once("query-response", () => {
      proxy.refuse(true);
      proxy.cut("reset");
    });
    try {
      const [refused, written] = await insertConnections(behind, [newConnection("a", "b"), fresh]);
      expect(written).toEqual({ revision: 2n });
      expect(isTransientError(refused)).toBe(true);
      expect(await revisions(org)).toEqual([1n, 2n]);
    } finally {
      await behind.destroy();
      await proxy.close();
    }
  });

  test("a connection is written with its revision and its event, which tells all of it", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const item = { ...newConnection("a", "b"), caller: { ...callerIn(org), traceparent } };
    expect(await connections().insert(item)).toEqual({ revision: 1n });
    expect(await connections().find({ organizationId: org, id: item.record.id })).toEqual(item.record);
    const events = await knex("event").where({ organization_id: org });
    expect(events).toMatchObject([
      {
        revision: 1n,
        type: "connection.created",
        subject: item.record.id,
        key: "a,b",
        actor: "alice",
        request_id: "call-1",
        traceparent,
        occurred_at: item.record.createdAt,
        data: { connection: toConnectionJson(item.record) },
      },
    ]);
    expect(commits).toBeGreaterThan(0);
  });

  test("what events carry is the JSON form of the message, also of a deleted one", () => {
    const { record } = newConnection("a", "b");
    for (const variant of [record, { ...record, isActive: false, archivedAt: new Date(), recordVersion: 2 }])
      expect(toConnectionJson(variant)).toEqual(
        JSON.parse(JSON.stringify(toJson(ConnectionSchema, toConnection(variant)), (_key, value: unknown) => value)),
      );
  });

  test("of 200 equal creates one is written and the others name it", async () => {
    const repository = connections();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, () => repository.insert(newConnection("a", "b"))),
    );
    const [{ id }] = (await knex("connection").where({ organization_id: org }).select("id")) as [{ id: string }];
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected")
        expect(outcome.reason).toMatchObject({
          reason: ErrorReason.CONNECTION_ALREADY_EXISTS,
          detail: { metadata: { id } },
        });
    expect(await revisions(org)).toEqual([1n]);
  });

  test("the same id and the same pair twice in one batch is written once", async () => {
    const item = newConnection("a", "b");
    const results = await insertConnections(knex, [item, { ...item, caller: { ...item.caller, requestId: "call-2" } }]);
    expect(results[0]).toEqual({ revision: 1n });
    expect(await reasonOf(results[1])).toBe("CONNECTION_ALREADY_EXISTS");
    expect(await knex("event").where({ organization_id: org }).pluck("request_id")).toEqual(["call-1"]);
  });

  test("an id that is taken never overwrites, in the same batch and later, also when its owner is deleted", async () => {
    const id = randomUUIDv7();
    const results = await insertConnections(knex, [newConnection("a", "b", { id }), newConnection("c", "d", { id })]);
    expect([results[0], await reasonOf(results[1])]).toEqual([{ revision: 1n }, "CONNECTION_ID_TAKEN"]);
    expect(await reasonOf(connections().insert(newConnection("e", "f", { id })))).toBe("CONNECTION_ID_TAKEN");
    await connections().archive(callerIn(org), { id, participant: undefined });
    expect(await reasonOf(connections().insert(newConnection("a", "b", { id })))).toBe("CONNECTION_ID_TAKEN");
    expect((await connections().find({ organizationId: org, id }))?.userId1).toBe("a");
  });

  test("the same pair and the same id are free in another organization", async () => {
    const item = newConnection("a", "b");
    const other = `${org}-other`;
    expect(await insertConnections(knex, [item, { ...item, caller: callerIn(other) }])).toEqual([
      { revision: 1n },
      { revision: 1n },
    ]);
    expect(await connections().find({ organizationId: `${org}-third`, id: item.record.id })).toBeUndefined();
  });

  test("a row that the database refuses fails alone", async () => {
    const bad = newConnection("z", "a"); // breaks the table's check: the handlers never send it
    const results = await insertConnections(knex, [newConnection("a", "b"), bad, newConnection("c", "d")]);
    expect([results[0], results[2]].map((result) => result !== undefined && "revision" in result)).toEqual([
      true,
      true,
    ]);
    expect(results[1]).toBeInstanceOf(Error);
    expect(await revisions(org)).toEqual([1n, 2n]);
  });

  test("ids that cross between two batches are a deadlock, and each id is written once all the same", async () => {
    for (let round = 0; round < 3; round += 1) {
      const ids = Array.from({ length: 100 }, () => randomUUIDv7());
      const batch = (prefix: string, inOrder: string[]) =>
        inOrder.map((id, index) => newConnection("a", `${prefix}-${round}-${String(index).padStart(3, "0")}`, { id }));
      const [first, second] = await Promise.all([
        insertConnections(knex, batch("up", ids)),
        insertConnections(knex, batch("down", ids.toReversed())),
      ]);
      for (const [index, result] of first.entries()) {
        const other = second[ids.length - 1 - index];
        const reasons = [await reasonOf(result), await reasonOf(other)].toSorted();
        expect(reasons).toEqual(["CONNECTION_ID_TAKEN", "none"]);
      }
    }
  });

  test("an organization whose row somebody holds keeps no other from writing, and writes again when it is let go", async () => {
    const held = new Set<string>();
    const repository = connections((organizationId) => void held.add(organizationId));
    const other = `${org}-other`;
    await repository.insert(newConnection("a", "b"));
    const holder = await knex.transaction();
    onTestFinished(async () => {
      if (!holder.isCompleted()) await holder.rollback();
    });
    await holder.raw("select * from organization where id = ? for update", [org]);
    const insert = (organizationId: string, user: string) =>
      reasonOf(repository.insert(newConnection("a", user, { organizationId })));
    // More than both batches that run at a time, and those in line behind them.
    const waiting = Promise.all(Array.from({ length: 600 }, (_, index) => insert(org, `h-${index}`)));
    // Until it has been found out who waits for what, another one may have to try again; from then on it need not.
    let tries = 0;
    await expect.poll(() => insert(other, `first-${tries++}`)).toBe("none");
    const next = await Promise.all(Array.from({ length: 100 }, (_, index) => insert(other, `n-${index}`)));
    expect(new Set(next)).toEqual(new Set(["none"]));
    expect(holder.isCompleted()).toBe(false);
    expect(new Set(await waiting)).toEqual(new Set(["QUEUE_FULL"]));
    expect([...held]).toEqual([org]);
    expect(await revisions(org)).toEqual([1n]);
    await holder.rollback();
    expect(await insert(org, "again")).toBe("none");
    expect(await revisions(org)).toEqual([1n, 2n]);
  });

  test("a call whose caller has gone is not written", async () => {
    const results = await insertConnections(knex, [newConnection("a", "b", { signal: AbortSignal.abort() })]);
    expect(await reasonOf(results[0])).toBe("CANCELLED");
    expect(await revisions(org)).toEqual([]);
  });

  test("revisions have no gap and no double over two writers, several organizations, conflicts and deletes", async () => {
    const orgs = [org, `${org}-2`, `${org}-3`];
    const writers = [connections(), connections()];
    const calls = Array.from({ length: 600 }, (_, index) => {
      const organizationId = orgs[index % 3] ?? org;
      const writer = writers[index % 2] ?? connections();
      const item = newConnection("a", `b-${index % 150}`, { organizationId });
      return writer
        .insert(item)
        .then(() =>
          index % 5 === 0
            ? writer.archive(callerIn(organizationId), { id: item.record.id, participant: undefined })
            : undefined,
        )
        .catch((error: unknown) => {
          if (!(error instanceof ApiError)) throw error;
        });
    });
    await Promise.all(calls);
    for (const organizationId of orgs) {
      const seen = await revisions(organizationId);
      expect(seen.length).toBeGreaterThan(50);
      expect(seen).toEqual(seen.map((_, index) => BigInt(index + 1)));
      const [row] = (await knex("organization").where({ id: organizationId })) as [{ revision: bigint }];
      expect(row.revision).toBe(seen.at(-1));
      const active = await knex("connection")
        .where({ organization_id: organizationId, is_active: true })
        .select("user_id_1", "user_id_2");
      expect(new Set(active.map((pair) => JSON.stringify(pair))).size).toBe(active.length);
    }
  });

  test("a deleted pair can connect again, and only its new connection is found by the pair", async () => {
    const repository = connections();
    const item = newConnection("a", "b");
    await repository.insert(item);
    const archived = await repository.archive(callerIn(org), { id: item.record.id, participant: undefined });
    expect(archived).toMatchObject({ revision: 2n, record: { isActive: false, recordVersion: 2 } });
    expect(await repository.archive(callerIn(org), { id: item.record.id, participant: undefined })).toBeUndefined();
    const again = newConnection("a", "b");
    expect(await repository.insert(again)).toEqual({ revision: 3n });
    expect((await repository.find({ organizationId: org, userId1: "a", userId2: "b" }))?.id).toBe(again.record.id);
    expect((await repository.find({ organizationId: org, id: item.record.id }))?.archivedAt).toBeInstanceOf(Date);
  });

  test("many reads of both kinds at once get each its own answer", async () => {
    const repository = connections();
    const items = Array.from({ length: 300 }, (_, index) => newConnection("a", `b-${index}`));
    await Promise.all(items.map((item) => repository.insert(item)));
    const found = await Promise.all(
      items.map(({ record }, index) =>
        repository.find(
          index % 2 === 0
            ? { organizationId: org, id: record.id }
            : { organizationId: org, userId1: record.userId1, userId2: record.userId2 },
        ),
      ),
    );
    expect(found).toEqual(items.map(({ record }) => record));
  });
});
