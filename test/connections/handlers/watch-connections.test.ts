import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectionChange, ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { logEvents } from "../../events/log-events.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { describeRefusal } from "../expect-error.ts";
import { startWatch } from "../start-watch.ts";

let app: TestApp;
let org: string;
let client: Client<typeof ConnectionService>;
let count = 0;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());
beforeEach(async () => {
  org = `org-${count++}`;
  client = connectClients(ConnectionService, app, await app.token({ org })).grpc;
});

async function refusalOfWatch(request: { afterRevision?: bigint; userId?: string }, caller = client) {
  const error = await startWatch(caller, request).ended;
  if (error === undefined) throw new Error("the watch should have failed");
  return describeRefusal(error);
}

describe.each(["grpc", "connect-json", "connect-binary", "grpc-web"] as const)("a watch over %s", (protocol) => {
  test("begins with a bookmark, and tells what is written and deleted as the writer was told it", async () => {
    client = connectClients(ConnectionService, app, await app.token({ org }))[protocol];
    const before = await client.createConnection({ userId1: "before", userId2: "it" });
    const watch = startWatch(client);
    await watch.told(1);
    expect(watch.messages).toMatchObject([{ change: ConnectionChange.BOOKMARK, revision: before.revision }]);
    const created = await client.createConnection({ userId1: "a", userId2: "b" });
    const deleted = await client.deleteConnection({ id: created.connection?.id ?? "" });
    await watch.told(3);
    expect(watch.messages.slice(1)).toMatchObject([
      { change: ConnectionChange.CREATED, connection: created.connection, revision: created.revision },
      { change: ConnectionChange.DELETED, connection: deleted.connection, revision: deleted.revision },
    ]);
    watch.leave();
    expect((await watch.ended)?.code).toBe(Code.Canceled);
  });
});

describe("where a watch begins", () => {
  test("after a revision: with the very next change, whatever it was", async () => {
    const revisions: bigint[] = [];
    for (let index = 0; index < 100; index += 1)
      revisions.push((await client.createConnection({ userId1: "a", userId2: `b-${index}` })).revision);
    const all = startWatch(client, { afterRevision: 0n });
    const some = startWatch(client, { afterRevision: revisions[59] ?? 0n });
    const none = startWatch(client, { afterRevision: revisions[99] ?? 0n });
    await Promise.all([all.told(101), some.told(41), none.told(1)]);
    expect(all.messages.map(({ revision }) => revision)).toEqual([0n, ...revisions]);
    expect(some.messages.map(({ revision }) => revision)).toEqual(revisions.slice(59));
    await client.createConnection({ userId1: "c", userId2: "d" });
    await Promise.all([all.told(102), some.told(42), none.told(2)]);
    for (const watch of [all, some, none]) {
      expect(watch.changes().at(-1)).toBe("CREATED c,d");
      watch.leave();
    }
  });

  test("an organization that has never written begins at 0, and loses nothing of its first changes", async () => {
    const watch = startWatch(client);
    await watch.told(1);
    expect(watch.messages[0]?.revision).toBe(0n);
    watch.leave();
    await client.createConnection({ userId1: "a", userId2: "b" });
    const again = startWatch(client, { afterRevision: 0n });
    await again.told(2);
    expect(again.changes()).toEqual(["CREATED a,b"]);
    again.leave();
  });

  test("a revision that has not come yet, or that the log does not have any more, is OUT_OF_RANGE", async () => {
    const { revision } = await client.createConnection({ userId1: "a", userId2: "b" });
    expect(await refusalOfWatch({ afterRevision: revision + 1n })).toMatchObject({
      code: Code.OutOfRange,
      reason: "WATCH_REVISION_INVALID",
      fields: ["after_revision"],
      metadata: { revision: String(revision) },
      retries: false,
    });
    for (let index = 0; index < 5; index += 1) await client.createConnection({ userId1: "a", userId2: `c-${index}` });
    await app.knex("event").where({ organization_id: org }).where("revision", "<=", 3).delete();
    expect(await refusalOfWatch({ afterRevision: 2n })).toMatchObject({
      code: Code.OutOfRange,
      reason: "WATCH_REVISION_INVALID",
    });
    const watch = startWatch(client, { afterRevision: 3n });
    await watch.told(4);
    watch.leave();
  });

  test("a negative revision and a broken user id are FIELD_INVALID", async () => {
    expect(await refusalOfWatch({ afterRevision: -1n, userId: "a b" })).toMatchObject({
      code: Code.InvalidArgument,
      fields: ["user_id", "after_revision"],
    });
  });
});

describe("what a watch tells", () => {
  test("nothing of another organization, and nothing to whom it may not read", async () => {
    const outsider = connectClients(ConnectionService, app, await app.token({ org: `${org}-other` })).grpc;
    const watches = [startWatch(client, { afterRevision: 0n }), startWatch(outsider, { afterRevision: 0n })] as const;
    await Promise.all(watches.map((watch) => watch.told(1)));
    await client.createConnection({ userId1: "a", userId2: "b" });
    await outsider.createConnection({ userId1: "s", userId2: "t" });
    await Promise.all(watches.map((watch) => watch.told(2)));
    await sleep(300);
    expect(watches.map((watch) => watch.changes())).toEqual([["CREATED a,b"], ["CREATED s,t"]]);
    for (const watch of watches) watch.leave();
    const nobody = connectClients(ConnectionService, app, await app.token({ org, roles: [] })).grpc;
    expect(await refusalOfWatch({}, nobody)).toMatchObject({ reason: "PERMISSION_MISSING" });
  });

  test("of one user only what concerns that user, at either end", async () => {
    const watch = startWatch(client, { userId: "m", afterRevision: 0n });
    await watch.told(1);
    for (const [userId1, userId2] of [
      ["a", "b"],
      ["a", "m"],
      ["m", "z"],
      ["mm", "z"],
      ["M", "z"],
    ] as const)
      await client.createConnection({ userId1, userId2 });
    await client.createConnection({ userId1: "m", userId2: "zz" });
    await watch.told(4);
    expect(watch.changes()).toEqual(["CREATED a,m", "CREATED m,z", "CREATED m,zz"]);
    watch.leave();
  });

  test("what happens to profiles takes revisions and is not told", async () => {
    const watch = startWatch(client, { afterRevision: 0n });
    await watch.told(1);
    await app.knex.transaction((trx) =>
      trx.raw(
        `with next as (insert into organization values (?, 400) returning id)
         insert into event select id, n, gen_random_uuid(), 'connection-profile.created', 'p', 'p', 'u', 'r', null, now(), '{}'
         from next, generate_series(1, 400) n`,
        [org],
      ),
    );
    const { revision } = await client.createConnection({ userId1: "a", userId2: "b" });
    await watch.told(2);
    expect(watch.messages.map((message) => message.revision)).toEqual([0n, revision]);
    expect(revision).toBe(401n);
    watch.leave();
  });

  test("when nothing comes for a while a bookmark, which moves on behind the filter", async () => {
    const watch = startWatch(client, { userId: "nobody" });
    await watch.told(1);
    const { revision } = await client.createConnection({ userId1: "a", userId2: "b" });
    await watch.told(2);
    expect(watch.messages[1]).toMatchObject({ change: ConnectionChange.BOOKMARK, revision });
    watch.leave();
  });

  test("what this process writes, without waiting for a poll", async () => {
    const watch = startWatch(client);
    await watch.told(1);
    for (let index = 0; index < 20; index += 1) {
      await client.createConnection({ userId1: "a", userId2: `b-${index}` });
      await watch.told(index + 2);
    }
    watch.leave();
  });

  test("what another process writes", async () => {
    const watch = startWatch(client);
    await watch.told(1);
    await logEvents(app.knex, org, 3);
    await watch.told(4);
    expect(watch.messages.map(({ revision }) => revision)).toEqual([0n, 1n, 2n, 3n]);
    watch.leave();
  });
});
