import { randomUUID } from "node:crypto";
import { type Client, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";

let app: TestApp;
let alice: Client<typeof ConnectionService>;
beforeAll(async () => {
  app = await startTestApp();
  alice = connectClients(ConnectionService, app, await app.token()).grpc;
});
afterAll(() => app.stop());

async function errorOf(call: Promise<unknown>): Promise<{
  reason: string | undefined;
  code: number;
  fields: string[];
  metadata: Record<string, string> | undefined;
}> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error("the call should have failed");
  const [info] = error.findDetails(ErrorInfoSchema);
  const fields = error
    .findDetails(BadRequestSchema)
    .flatMap((detail) => detail.fieldViolations.map(({ field }) => field));
  return { reason: info?.reason, code: error.code, fields, metadata: info?.metadata };
}

const uuid = "0190a6c0-0000-7000-8000-000000000001";

describe("CreateConnection", () => {
  test.each([
    ["the wrong order", { userId1: "b", userId2: "a" }, "USER_IDS_OUT_OF_ORDER", ["user_id_1"]],
    ["bytewise order: capitals come first", { userId1: "a", userId2: "B" }, "USER_IDS_OUT_OF_ORDER", ["user_id_1"]],
    ["the same user twice", { userId1: "a", userId2: "a" }, "USER_IDS_EQUAL", ["user_id_2"]],
    ["no user", {}, "FIELD_INVALID", ["user_id_1", "user_id_2"]],
    [
      "ids with characters that are not allowed",
      { userId1: "-a", userId2: "a b" },
      "FIELD_INVALID",
      ["user_id_1", "user_id_2"],
    ],
    ["an id that is too long", { userId1: "a", userId2: "b".repeat(129) }, "FIELD_INVALID", ["user_id_2"]],
    ["an id with a line end at its end", { userId1: "a", userId2: "b\n" }, "FIELD_INVALID", ["user_id_2"]],
    ["no UUID", { userId1: "a", userId2: "b", connectionId: "7" }, "FIELD_INVALID", ["connection_id"]],
    [
      "a time beyond the calendar",
      { userId1: "a", userId2: "b", connectedSince: { seconds: 1n << 60n } },
      "FIELD_INVALID",
      ["connected_since"],
    ],
    [
      "a time with too many nanoseconds",
      { userId1: "a", userId2: "b", connectedSince: { nanos: -1 } },
      "FIELD_INVALID",
      ["connected_since"],
    ],
  ] as const)("%s is INVALID_ARGUMENT", async (_name, request, reason, fields) => {
    expect(await errorOf(alice.createConnection(request))).toMatchObject({ reason, code: 3, fields });
  });

  test("takes a custom id, in any case of letters, and a time, and never overwrites", async () => {
    const connectedSince = { seconds: -1n, nanos: 999_999_999 };
    const custom = await alice.createConnection({
      connectionId: uuid.toUpperCase(),
      userId1: "c1",
      userId2: "c2",
      connectedSince,
    });
    expect(custom.connection).toMatchObject({ id: uuid, connectedSince: { seconds: -1n, nanos: 999_000_000 } });
    expect((await alice.getConnection({ id: uuid })).connection).toEqual(custom.connection);
    expect(await errorOf(alice.createConnection({ connectionId: uuid, userId1: "d1", userId2: "d2" }))).toMatchObject({
      reason: "CONNECTION_ID_TAKEN",
      code: 6,
    });
  });

  test("any_order takes the two in either order, and stores them in theirs; the same request is the same in both", async () => {
    const [requestId, anyOrder] = [randomUUID(), true];
    const one = { userId1: "order-b", userId2: "order-a", anyOrder, requestId };
    const { connection } = await alice.createConnection(one);
    expect(connection).toMatchObject({ userId1: "order-a", userId2: "order-b" });
    const other = { userId1: "order-a", userId2: "order-b", requestId };
    expect((await alice.createConnection(other)).connection).toEqual(connection);
    const equal = { userId1: "order-a", userId2: "order-a", anyOrder };
    expect(await errorOf(alice.createConnection(equal))).toMatchObject({ reason: "USER_IDS_EQUAL" });
    const { results } = await alice.batchCreateConnections({
      requests: [
        { userId1: "order-d", userId2: "order-c", anyOrder },
        { userId1: "order-f", userId2: "order-e" },
      ],
    });
    expect(results.map(({ result }) => result.case)).toEqual(["connection", "error"]);
  });

  test("a time may lie as far in the past as the calendar goes, and five minutes in the future for clocks that differ", async () => {
    const now = BigInt(Math.floor(Date.now() / 1000));
    for (const late of [now + 86_400n, 253_402_300_799n]) {
      const call = alice.createConnection({ userId1: "cal", userId2: "late", connectedSince: { seconds: late } });
      expect(await errorOf(call)).toMatchObject({ reason: "FIELD_INVALID", fields: ["connected_since"] });
    }
    for (const [user, seconds] of [
      ["end-1", -62_135_596_800n],
      ["end-2", now + 240n],
    ] as const) {
      const { connection } = await alice.createConnection({
        userId1: "cal",
        userId2: user,
        connectedSince: { seconds },
      });
      expect((await alice.getConnection({ id: connection?.id ?? "" })).connection?.connectedSince?.seconds).toBe(
        seconds,
      );
    }
    const { connections } = await alice.listConnections({ userId: "cal" });
    expect(connections.map(({ userId2 }) => userId2)).toEqual(["end-2", "end-1"]);
  });

  test("the 200 callers of one pair through both protocols: one gets it, the others its id", async () => {
    const clients = connectClients(ConnectionService, app, await app.token());
    const protocols = [clients.grpc, clients["connect-json"]];
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (protocols[index % 2] ?? alice).createConnection({ userId1: "race-1", userId2: "race-2" }).then(
          ({ connection }) => ({ id: connection?.id, reason: "created" }),
          (error: unknown) => {
            const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
            return { id: info?.metadata.id, reason: info?.reason };
          },
        ),
      ),
    );
    expect(outcomes.filter(({ reason }) => reason === "created")).toHaveLength(1);
    expect(outcomes.filter(({ reason }) => reason === "CONNECTION_ALREADY_EXISTS")).toHaveLength(199);
    const id = outcomes[0]?.id;
    expect(new Set(outcomes.map((outcome) => outcome.id))).toEqual(new Set([id]));
    expect(await app.knex("connection").where({ user_id_1: "race-1" })).toHaveLength(1);
    expect(await app.knex("event").where({ subject: id })).toHaveLength(1);
  });
});

describe("GetConnection", () => {
  test("wants either the id or both users", async () => {
    for (const request of [{}, { id: uuid, userId1: "a", userId2: "b" }, { userId1: "a" }])
      expect(await errorOf(alice.getConnection(request))).toMatchObject({ reason: "FIELD_INVALID", fields: ["id"] });
  });

  test("another organization's connection does not exist", async () => {
    const { connection } = await alice.createConnection({ userId1: "x1", userId2: "x2" });
    const id = connection?.id ?? "";
    const mallory = connectClients(ConnectionService, app, await app.token({ user: "alice", org: "other" })).grpc;
    const outsider = { reason: "CONNECTION_NOT_FOUND", code: 5 };
    expect(await errorOf(mallory.getConnection({ id }))).toMatchObject(outsider);
    expect(await errorOf(mallory.getConnection({ userId1: "x1", userId2: "x2" }))).toMatchObject(outsider);
    expect(await errorOf(mallory.deleteConnection({ id }))).toMatchObject(outsider);
    expect((await mallory.listConnections({ userId: "x1" })).connections).toEqual([]);
    expect((await alice.getConnection({ id })).connection?.isActive).toBe(true);
  });
});

describe("ListConnections", () => {
  test("pages through a user's connections, both ends, newest first, without loss while others come and go", async () => {
    const start = Date.UTC(2026, 0, 1) / 1000;
    const others = Array.from({ length: 25 }, (_, index) => `${index % 2 === 0 ? "a" : "z"}-${index}`);
    for (const [index, other] of others.entries()) {
      const [userId1, userId2] = other < "m" ? [other, "m"] : ["m", other];
      await alice.createConnection({ userId1, userId2, connectedSince: { seconds: BigInt(start + (index >> 1)) } });
    }
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await alice.listConnections({ userId: "m", pageSize: 7, pageToken });
      expect(page.connections.length).toBeLessThanOrEqual(7);
      seen.push(...page.connections.map(({ userId1, userId2 }) => (userId1 === "m" ? userId2 : userId1)));
      pageToken = page.nextPageToken;
      const fresh = { userId1: "m", userId2: `new-${seen.length}`, connectedSince: { seconds: BigInt(start + 1000) } };
      await alice.createConnection(fresh);
    } while (pageToken !== "");
    expect(seen).toHaveLength(25);
    expect(new Set(seen)).toEqual(new Set(others));
    expect(others.indexOf(seen[0] ?? "")).toBeGreaterThan(22);
  });

  test("50 by default, 1000 at most, and no negative size", async () => {
    const userIds = Array.from({ length: 1005 }, (_, index) => `c-${index}`);
    while (userIds.length > 0) {
      const requests = userIds.splice(0, 500).map((userId2) => ({ userId1: "big", userId2 }));
      await alice.batchCreateConnections({ requests });
    }
    expect((await alice.listConnections({ userId: "big" })).connections).toHaveLength(50);
    expect((await alice.listConnections({ userId: "big", pageSize: 100_000 })).connections).toHaveLength(1000);
    expect(await errorOf(alice.listConnections({ userId: "big", pageSize: -1 }))).toMatchObject({
      fields: ["page_size"],
    });
  });

  test("a page token is good for its own question alone", async () => {
    const { nextPageToken } = await alice.listConnections({ userId: "big", pageSize: 1 });
    for (const request of [
      { userId: "m", pageToken: nextPageToken },
      { userId: "big", pageToken: `${nextPageToken}x` },
      { userId: "big", pageToken: "?" },
    ])
      expect(await errorOf(alice.listConnections(request))).toMatchObject({ reason: "PAGE_TOKEN_INVALID", code: 3 });
    const other = connectClients(ConnectionService, app, await app.token({ org: "other" })).grpc;
    expect(await errorOf(other.listConnections({ userId: "big", pageToken: nextPageToken }))).toMatchObject({
      reason: "PAGE_TOKEN_INVALID",
    });
  });
});

describe("DeleteConnection", () => {
  test("archives, takes a revision, and lets the pair connect again", async () => {
    const pair = { userId1: "del-1", userId2: "del-2" };
    const { connection, revision } = await alice.createConnection(pair);
    const id = connection?.id ?? "";
    const deleted = await alice.deleteConnection({ id: id.toUpperCase() }, { headers: { traceparent: "rubbish" } });
    const events = await app.knex("event").where({ subject: id }).orderBy("revision").select("type", "traceparent");
    expect(events).toEqual([
      { type: "connection.created", traceparent: null },
      { type: "connection.deleted", traceparent: null },
    ]);
    expect(deleted.connection).toMatchObject({ id, isActive: false, recordVersion: 2 });
    expect(deleted.connection?.archivedAt).toBeDefined();
    expect(deleted.revision).toBeGreaterThan(revision);
    expect(await errorOf(alice.deleteConnection({ id }))).toMatchObject({ reason: "CONNECTION_NOT_FOUND" });
    expect(await errorOf(alice.getConnection(pair))).toMatchObject({ reason: "CONNECTION_NOT_FOUND" });
    expect((await alice.getConnection({ id })).connection?.isActive).toBe(false);
    expect((await alice.listConnections({ userId: "del-1" })).connections).toEqual([]);
    expect((await alice.createConnection(pair)).connection?.id).not.toBe(id);
  });
});

describe("CONNECTION_ACCESS participant", () => {
  test("lets a member connect only herself, and an admin everybody", async () => {
    const strict = await startTestApp({ CONNECTION_ACCESS: "participant" });
    const as = async (roles: string[]) => connectClients(ConnectionService, strict, await strict.token({ roles })).grpc;
    const member = await as(["member"]);
    expect((await member.createConnection({ userId1: "alice", userId2: "bob" })).connection?.owner).toBe("alice");
    expect((await member.createConnection({ userId1: "a", userId2: "alice" })).connection?.owner).toBe("alice");
    expect(await errorOf(member.createConnection({ userId1: "bob", userId2: "carol" }))).toMatchObject({
      reason: "NOT_A_PARTICIPANT",
      code: 7,
    });
    expect(
      (await (await as(["admin"])).createConnection({ userId1: "bob", userId2: "carol" })).connection?.userId1,
    ).toBe("bob");
    await strict.stop();
  });
});
