import { randomUUID } from "node:crypto";
import { type Client, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { deterministicId } from "../../../src/connections/store/deterministic-id.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { refusalOf } from "../expect-error.ts";

let app: TestApp;
let alice: Client<typeof ConnectionService>;
let requestId: string;
let user: string;
beforeAll(async () => {
  app = await startTestApp();
  alice = connectClients(ConnectionService, app, await app.token()).grpc;
});
afterAll(() => app.stop());
beforeEach(() => {
  requestId = randomUUID();
  user = `u-${requestId}`;
});

describe("the id of a connection under a request_id", () => {
  test("is a UUID of version 8, the same in every process, and another for whatever differs", () => {
    const id = "0190a6c0-0000-4000-8000-00000000abcd";
    const made = deterministicId("connection", "acme", id);
    // It must stay so: after an upgrade a repetition finds what was written before it.
    expect(made).toBe("a8718c81-0377-84cd-a00b-44b79cf6a870");
    expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(deterministicId("connection", "acme", id.toUpperCase())).toBe(made);
    const others = [deterministicId("event", "acme", id), deterministicId("connection", "other", id)];
    expect(new Set([made, ...others, deterministicId("connection", "acme", randomUUID())]).size).toBe(4);
  });
});

describe("CreateConnection with a request_id", () => {
  test("a repetition is answered as the first, writes nothing, whatever happened since", async () => {
    const request = { userId1: "a", userId2: user, requestId };
    const first = await alice.createConnection(request);
    expect(await alice.createConnection({ ...request, requestId: requestId.toUpperCase() })).toEqual(first);
    await alice.deleteConnection({ id: first.connection?.id ?? "" });
    expect(await alice.createConnection(request)).toEqual(first);
    const again = await alice.createConnection({ userId1: "a", userId2: user });
    expect(await alice.createConnection(request)).toEqual(first);
    expect((await alice.getConnection({ userId1: "a", userId2: user })).connection).toEqual(again.connection);
    expect(
      await app
        .knex("event")
        .where({ key: `a,${user}` })
        .pluck("type"),
    ).toHaveLength(3);
  });

  test("repeated with a time, or with an id of its own", async () => {
    const timed = { userId1: "a", userId2: user, requestId, connectedSince: { seconds: 7n, nanos: 1_999_999 } };
    const first = await alice.createConnection(timed);
    expect(await alice.createConnection(timed)).toEqual(first);
    const own = { userId1: "b", userId2: user, requestId: randomUUID(), connectionId: randomUUID() };
    const second = await alice.createConnection(own);
    expect(second.connection?.id).toBe(own.connectionId);
    expect(await alice.createConnection(own)).toEqual(second);
  });

  test.each([
    ["other users", { userId1: "b" }],
    ["a time", { connectedSince: { seconds: 7n } }],
    ["an id", { connectionId: randomUUID() }],
  ])("used again with %s is REQUEST_ID_REUSED, also when the pair has been disconnected", async (_name, change) => {
    const request = { userId1: "a", userId2: user, requestId };
    const { connection } = await alice.createConnection(request);
    const reused = { reason: "REQUEST_ID_REUSED", code: 3, fields: ["request_id"] };
    expect(await refusalOf(alice.createConnection({ ...request, ...change }))).toMatchObject(reused);
    await alice.deleteConnection({ id: connection?.id ?? "" });
    expect(await refusalOf(alice.createConnection({ ...request, ...change }))).toMatchObject(reused);
    expect(await app.knex("connection").where({ user_id_2: user })).toHaveLength(1);
  });

  test("used again without the id that came first is REQUEST_ID_REUSED", async () => {
    const request = { userId1: "a", userId2: user, requestId };
    await alice.createConnection({ ...request, connectionId: randomUUID() });
    expect(await refusalOf(alice.createConnection(request))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
    expect(await refusalOf(alice.createConnection({ ...request, userId1: "b" }))).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
    expect(await app.knex("connection").where({ user_id_2: user })).toHaveLength(1);
  });

  test("is its caller's own: other users have their own, and so do other organizations", async () => {
    const request = { userId1: "a", userId2: user, requestId };
    const first = await alice.createConnection(request);
    const bob = connectClients(ConnectionService, app, await app.token({ user: "bob" })).grpc;
    // What he asks for is there already, and not by his request.
    expect(await refusalOf(bob.createConnection(request))).toMatchObject({
      reason: "CONNECTION_ALREADY_EXISTS",
      metadata: { id: first.connection?.id },
    });
    const others = { userId1: "b", userId2: user, requestId };
    const bobs = await bob.createConnection(others);
    expect(bobs.connection).toMatchObject({ userId1: "b", owner: "bob" });
    expect(bobs.connection?.id).not.toBe(first.connection?.id);
    expect(await bob.getConnection({ id: bobs.connection?.id ?? "" })).toMatchObject({ connection: bobs.connection });
    await bob.deleteConnection({ id: bobs.connection?.id ?? "" });
    expect(await bob.createConnection(others)).toEqual(bobs);
    expect(await refusalOf(bob.createConnection(request))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
    expect(await alice.createConnection(request)).toEqual(first);
    const other = connectClients(ConnectionService, app, await app.token({ org: "other" })).grpc;
    const theirs = await other.createConnection(request);
    expect(theirs.connection?.id).not.toBe(first.connection?.id);
  });

  test("of several users at once, with ids of their own too, each is one write and one answer", async () => {
    const users = ["u1", "u2", "u3", "u4"];
    const clients = await Promise.all(
      users.map(async (name) => connectClients(ConnectionService, app, await app.token({ user: name })).grpc),
    );
    const own = users.map(() => randomUUID());
    const ids = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const n = index % users.length;
        const connectionId = n === 1 ? { connectionId: own[n] ?? "" } : {};
        const request = { userId1: `a${n}`, userId2: user, requestId, ...connectionId };
        return [n, (await clients[n]?.createConnection(request))?.connection?.id] as const;
      }),
    );
    expect(new Set(ids.map(String)).size).toBe(users.length);
    expect(await app.knex("connection").where({ user_id_2: user })).toHaveLength(users.length);
    expect(new Set(ids.map(([, id]) => id)).size).toBe(users.length);
  });

  test("what was refused leaves nothing behind: the same request_id works once the way is free", async () => {
    const there = await alice.createConnection({ userId1: "a", userId2: user });
    const request = { userId1: "a", userId2: user, requestId };
    expect(await refusalOf(alice.createConnection(request))).toMatchObject({
      reason: "CONNECTION_ALREADY_EXISTS",
      metadata: { id: there.connection?.id },
    });
    await alice.deleteConnection({ id: there.connection?.id ?? "" });
    expect((await alice.createConnection(request)).connection?.isActive).toBe(true);
  });

  test("200 at once, alone and in batches with others, are one write and one answer", async () => {
    const request = { userId1: "a", userId2: user, requestId };
    const reused = { userId1: "b", userId2: user, requestId };
    const calls = Array.from({ length: 200 }, async (_, index) => {
      if (index % 20 !== 0) return (await alice.createConnection(request)).connection?.id;
      const extra = { userId1: "c", userId2: `${user}-${index}` };
      const { results } = await alice.batchCreateConnections({ requests: [extra, request, request] });
      const ids = results.map(({ result }) => (result.case === "connection" ? result.value.id : "refused"));
      expect(ids[1]).toBe(ids[2]);
      return ids[1];
    });
    const ids = new Set(await Promise.all(calls));
    expect(ids.size).toBe(1);
    expect(await app.knex("connection").where({ user_id_2: user })).toHaveLength(1);
    const outcomes = await Promise.allSettled([request, reused].map((one) => alice.createConnection(one)));
    const reasons = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? "ok" : ConnectError.from(outcome.reason).findDetails(ErrorInfoSchema)[0]?.reason,
    );
    expect(reasons).toEqual(["ok", "REQUEST_ID_REUSED"]);
  });

  test("must be a UUID", async () => {
    expect(await refusalOf(alice.createConnection({ userId1: "a", userId2: user, requestId: "7" }))).toMatchObject({
      reason: "FIELD_INVALID",
      fields: ["request_id"],
    });
  });
});
