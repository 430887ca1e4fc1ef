import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { openProtocols, protocolNames } from "../../server/parity/open-protocols.ts";
import type { Answer } from "../../server/parity/protocol.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { startWatch } from "../start-watch.ts";

let app: TestApp;
/** Connections of alice and carol, of whom bob is neither: an active one and a deleted one. */
const foreign = { active: "", deleted: "" };
/** One of bob's own. */
let own = "";
let nextUser = 0;
const newUser = () => `z${nextUser++}`;
const nobody = "01900000-0000-7000-8000-000000000000";

beforeAll(async () => {
  app = await startTestApp({ CONNECTION_ACCESS: "participant" });
  const { grpc } = connectClients(ConnectionService, app, await app.token({ user: "boss" }));
  const connect = async (userId1: string, userId2: string) =>
    (await grpc.createConnection({ userId1, userId2 })).connection?.id ?? "";
  foreign.deleted = await connect("alice", "carol");
  await grpc.deleteConnection({ id: foreign.deleted });
  foreign.active = await connect("alice", "carol");
  own = await connect("bob", "carol");
});
afterAll(() => app.stop());

const bob = () => app.token({ user: "bob", roles: ["member"] });
const boss = () => app.token({ user: "boss", roles: ["admin"] });

interface Case {
  /** What is about connections of others, and the same about what does not exist. Both must be answered alike. */
  readonly others: (() => JsonObject)[];
  readonly absent: () => JsonObject;
  readonly reason: string;
  /** What bob may do. */
  readonly own: (() => JsonObject | Promise<JsonObject>) | undefined;
}

const refusedPair = (userId1: string, userId2: string) => () => ({ userId1, userId2 });

/** Every RPC of the service but the watch, which has tests of its own below. A new one without an entry does not compile. */
const cases: Record<Exclude<keyof typeof ConnectionService.method, "watchConnections">, Case> = {
  createConnection: {
    others: [
      refusedPair("alice", "carol"),
      () => ({ userId1: "alice", userId2: "carol", connectionId: foreign.active }),
    ],
    absent: refusedPair("nobody-1", "nobody-2"),
    reason: "NOT_A_PARTICIPANT",
    own: () => ({ userId1: "bob", userId2: newUser() }),
  },
  batchCreateConnections: {
    others: [() => ({ requests: [{ userId1: "alice", userId2: "carol" }] })],
    absent: () => ({ requests: [{ userId1: "nobody-1", userId2: "nobody-2" }] }),
    reason: "NOT_A_PARTICIPANT",
    own: () => ({ requests: [{ userId1: "bob", userId2: newUser() }] }),
  },
  getConnection: {
    others: [
      () => ({ id: foreign.active }),
      () => ({ id: foreign.deleted }),
      refusedPair("alice", "carol"),
      refusedPair("carol", "alice"),
    ],
    absent: () => ({ id: nobody }),
    reason: "CONNECTION_NOT_FOUND",
    own: () => ({ id: own }),
  },
  listConnections: {
    others: [() => ({ userId: "alice" }), () => ({ userId: "carol", pageSize: 1 })],
    absent: () => ({ userId: "nobody-1" }),
    reason: "NOT_A_PARTICIPANT",
    own: () => ({ userId: "bob" }),
  },
  countConnections: {
    others: [() => ({ userId: "alice" })],
    absent: () => ({ userId: "nobody-1" }),
    reason: "NOT_A_PARTICIPANT",
    own: () => ({ userId: "bob" }),
  },
  batchCheckConnections: {
    others: [() => ({ pairs: [{ userId1: "alice", userId2: "carol" }] })],
    absent: () => ({ pairs: [{ userId1: "nobody-1", userId2: "nobody-2" }] }),
    reason: "", // not refused: not connected
    own: () => ({ pairs: [{ userId1: "carol", userId2: "bob" }] }),
  },
  listMutualConnections: {
    others: [() => ({ userId: "alice", otherUserId: "bob" }), () => ({ userId: "alice", otherUserId: "carol" })],
    absent: () => ({ userId: "nobody-1", otherUserId: "nobody-2" }),
    reason: "NOT_A_PARTICIPANT",
    own: undefined, // each has a connection in it that is not bob's
  },
  deleteConnection: {
    others: [() => ({ id: foreign.active }), () => ({ id: foreign.deleted })],
    absent: () => ({ id: nobody }),
    reason: "CONNECTION_NOT_FOUND",
    own: async () => {
      const { grpc } = connectClients(ConnectionService, app, await bob());
      return { id: (await grpc.createConnection({ userId1: "bob", userId2: newUser() })).connection?.id ?? "" };
    },
  },
};

/** Without what differs from call to call. */
function comparable(answer: Answer): JsonValue {
  const text = JSON.stringify(answer);
  return JSON.parse(text.replaceAll(/"requestId":"[^"]*"/g, '"requestId":""')) as JsonValue;
}

const entries = Object.entries(cases) as [keyof typeof cases, Case][];

test("every RPC of the service has its case", () => {
  const covered = [...entries.map(([name]) => name as string), "watchConnections"];
  expect(covered.sort()).toEqual(ConnectionService.methods.map(({ localName }) => localName).sort());
});

describe.each(protocolNames)("CONNECTION_ACCESS participant over %s", (protocol) => {
  describe.each(entries)("%s", (name, { others, absent, reason, own: mine }) => {
    const method = ConnectionService.method[name];
    const ask = async (request: JsonObject, token: string) => openProtocols(app)[protocol].ask(method, request, token);

    test("answers what is not the caller's like what is not there", async () => {
      const token = await bob();
      const expected = comparable(await ask(absent(), token));
      expect(JSON.stringify(expected)).toContain(reason);
      for (const request of others) expect(comparable(await ask(request(), token))).toEqual(expected);
      const text = JSON.stringify(expected);
      for (const secret of Object.values(foreign)) expect(text).not.toContain(secret);
    });

    test("is whole for who holds connections.manage", async () => {
      if (method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return; // writes have their test below
      for (const request of others) expect(await ask(request(), await boss())).toHaveProperty("messages");
    });

    if (mine === undefined) return; // no request of this RPC is about bob's alone
    test("does what is the caller's own", async () => {
      const answer = await ask(await mine(), await bob());
      expect(answer).toHaveProperty("messages");
      expect(JSON.stringify(answer)).not.toContain("NOT_A_PARTICIPANT");
    });
  });
});

test("nothing of that was written, and the manager may do all of it", async () => {
  const { grpc } = connectClients(ConnectionService, app, await boss());
  expect((await grpc.getConnection({ id: foreign.active })).connection?.isActive).toBe(true);
  expect(await app.knex("connection").where({ user_id_1: "nobody-1" })).toEqual([]);
  const { connection } = await grpc.createConnection({ userId1: "m1", userId2: "m2" });
  expect((await grpc.deleteConnection({ id: connection?.id ?? "" })).connection?.isActive).toBe(false);
});

test("the two refusals are the same to the letter", async () => {
  const { grpc } = connectClients(ConnectionService, app, await bob());
  const said = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    return error?.rawMessage;
  };
  const absent = await said(grpc.getConnection({ id: nobody }));
  expect(absent).toBeDefined();
  expect(await said(grpc.getConnection({ id: foreign.active }))).toBe(absent);
  expect(await said(grpc.getConnection({ userId1: "alice", userId2: "carol" }))).toBe(absent);
  expect(await said(grpc.deleteConnection({ id: foreign.active }))).toBe(absent);
});

test("of a batch each item is decided on its own", async () => {
  const { grpc } = connectClients(ConnectionService, app, await bob());
  const { results } = await grpc.batchCheckConnections({
    pairs: [
      { userId1: "alice", userId2: "carol" },
      { userId1: "bob", userId2: "carol" },
    ],
  });
  expect(results).toMatchObject([
    { connected: false, id: "" },
    { connected: true, id: own },
  ]);
});

describe("what was given before is no way around it", () => {
  test("a page token of a time with connections.manage", async () => {
    const as = async (token: string) => connectClients(ConnectionService, app, token).grpc;
    const manager = await as(await app.token({ user: "bob", roles: ["admin"] }));
    for (const other of ["t1", "t2"]) await manager.createConnection({ userId1: "paged", userId2: other });
    const { nextPageToken: pageToken } = await manager.listConnections({ userId: "paged", pageSize: 1 });
    expect(pageToken).not.toBe("");
    const member = await as(await bob());
    await expect(member.listConnections({ userId: "paged", pageSize: 1, pageToken })).rejects.toThrow("your own");
    await expect(member.listConnections({ userId: "bob", pageSize: 1, pageToken })).rejects.toThrow("page_token");
  });

  test("a request_id of a time with connections.manage, and a custom id of others", async () => {
    const as = async (token: string) => connectClients(ConnectionService, app, token).grpc;
    const request = { userId1: "alice", userId2: "dora", requestId: "7c0f6bb6-6f0f-4d0a-9d3c-0a3f7a3f7a01" };
    await (await as(await app.token({ user: "bob", roles: ["admin"] }))).createConnection(request);
    const member = await as(await bob());
    await expect(member.createConnection(request)).rejects.toThrow("one of the two user ids must be your own");
    const taken = { userId1: "bob", userId2: "eve" };
    for (const connectionId of [foreign.active, foreign.deleted]) {
      const error = await member.createConnection({ ...taken, connectionId }).catch((thrown) => thrown);
      expect(ConnectError.from(error).rawMessage).toBe(
        `connection_id: another connection has the id ${connectionId}: choose another one, or leave it out`,
      );
    }
  });
});

describe("WatchConnections", () => {
  test.each([
    ["of the organization", ""],
    ["of another user", "alice"],
    ["of a user who does not exist", "nobody-1"],
  ])("%s is refused", async (_name, userId) => {
    const watch = startWatch(connectClients(ConnectionService, app, await bob()).grpc, { userId, afterRevision: 0n });
    expect((await watch.ended)?.message).toContain("you may only see your own connections");
    expect(watch.messages).toEqual([]);
  });

  test("of the caller's own shows them alone, and the manager's shows all", async () => {
    const mine = startWatch(connectClients(ConnectionService, app, await bob()).grpc, {
      userId: "bob",
      afterRevision: 0n,
    });
    const all = startWatch(connectClients(ConnectionService, app, await boss()).grpc, { afterRevision: 0n });
    await mine.told(2);
    await all.told(3);
    expect(mine.changes().every((change) => /[ ,]bob(,|$)/.test(change))).toBe(true);
    expect(all.changes()[0]).toBe("CREATED alice,carol");
    mine.leave();
    all.leave();
  });

  test("over REST is refused alike", async () => {
    for (const query of ["", "?userId=alice"]) {
      const headers = { authorization: `Bearer ${await bob()}` };
      const response = await fetch(`${app.httpUrl}/v1/connections:watch${query}`, { headers });
      expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("NOT_A_PARTICIPANT")]);
    }
  });
});
