import { Code } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { describeRefusal, refusalOf } from "../expect-error.ts";
import { startWatch } from "../start-watch.ts";

const protocols = ["grpc", "connect-json", "grpc-web"] as const;

async function startService() {
  const app = await startTestApp();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= app.stop();
    return stopped;
  };
  onTestFinished(stop);
  const clients = connectClients(ConnectionService, app, await app.token());
  return { app, clients, stop };
}

/** A token that has expired, and that is accepted for some seconds still because clocks may differ by 30. */
async function lastingFor(app: TestApp, seconds: number): Promise<string> {
  const who = { userId: "alice", organizationId: "acme", roles: ["viewer"] };
  return (await app.app.localIssuer?.issue({ ...who, lifetime: `${30 - seconds} seconds ago` })) ?? "";
}

/** The lines of the access log about watches. */
const lines = (app: TestApp) =>
  app.logged
    .map((line) => JSON.parse(line) as { msg: string; rpc?: string; code?: string })
    .filter(({ msg, rpc }) => msg === "call" && rpc?.endsWith("/WatchConnections"));

describe("a watch ends", () => {
  test.each(protocols)("over %s when its caller leaves, at once and in the middle of silence", async (protocol) => {
    const { app, clients } = await startService();
    const watch = startWatch(clients[protocol]);
    await watch.told(1);
    expect(lines(app)).toEqual([]);
    watch.leave();
    await expect.poll(() => lines(app), { interval: 10 }).toHaveLength(1);
  });

  test("when the caller's own deadline passes", async () => {
    const { clients } = await startService();
    const read = async () => {
      for await (const _ of clients.grpc.watchConnections({}, { timeoutMs: 300 }));
    };
    expect(await refusalOf(read())).toMatchObject({ code: Code.DeadlineExceeded });
  });

  test.each(protocols)("over %s when the token expires, and goes on under a new one", async (protocol) => {
    const { app, clients } = await startService();
    const brief = connectClients(ConnectionService, app, await lastingFor(app, 3))[protocol];
    const watch = startWatch(brief);
    await watch.told(1);
    await clients.grpc.createConnection({ userId1: "a", userId2: "b" });
    await watch.told(2);
    const error = await watch.ended;
    expect(error && describeRefusal(error)).toMatchObject({ code: Code.Unauthenticated, reason: "TOKEN_EXPIRED" });
    await clients.grpc.createConnection({ userId1: "c", userId2: "d" });
    const again = startWatch(clients[protocol], { afterRevision: watch.messages.at(-1)?.revision ?? 0n });
    await again.told(2);
    expect([...watch.changes(), ...again.changes()]).toEqual(["CREATED a,b", "CREATED c,d"]);
    again.leave();
  });

  test.each(protocols)("over %s when the server stops, which does not wait for it", async (protocol) => {
    const { clients, stop } = await startService();
    const watches = Array.from({ length: 20 }, () => startWatch(clients[protocol]));
    await Promise.all(watches.map((watch) => watch.told(1)));
    const ends = Promise.all(watches.map((watch) => watch.ended));
    await stop();
    for (const error of await ends)
      expect(error && describeRefusal(error)).toMatchObject({
        code: Code.Unavailable,
        reason: "STOPPING",
        retries: true,
      });
  });

  test.each(protocols)("over %s when the database is away, and loses and repeats nothing", async (protocol) => {
    const { app, clients } = await startService();
    const watch = startWatch(clients[protocol]);
    await watch.told(1);
    await clients.grpc.createConnection({ userId1: "a", userId2: "b" });
    await watch.told(2);
    await app.breakDatabase();
    const error = await watch.ended;
    const away = { code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE", retries: true };
    expect(error && describeRefusal(error)).toMatchObject(away);
    const refused = await startWatch(clients[protocol]).ended;
    expect(refused && describeRefusal(refused)).toMatchObject(away);
    await app.mendDatabase();
    const create = () => clients.grpc.createConnection({ userId1: "c", userId2: "d" });
    await expect.poll(() => create().then(() => "created", String)).toMatch(/created|ALREADY/i);
    const again = startWatch(clients[protocol], { afterRevision: watch.messages.at(-1)?.revision ?? 0n });
    await again.told(2);
    expect([...watch.changes(), ...again.changes()]).toEqual(["CREATED a,b", "CREATED c,d"]);
    again.leave();
  });
});

test("a watch that nobody reads does not keep others from being told, and ends with its caller", async () => {
  const { app, clients } = await startService();
  const cut = new AbortController();
  const stuck = clients.grpc.watchConnections({}, { signal: cut.signal })[Symbol.asyncIterator]();
  await stuck.next();
  const watch = startWatch(clients["connect-json"]);
  await watch.told(1);
  for (let batch = 0; batch < 20; batch += 1)
    await clients.grpc.batchCreateConnections({
      requests: Array.from({ length: 500 }, (_, index) => ({ userId1: `a-${batch}`, userId2: `b-${index}` })),
    });
  await watch.told(10_001);
  expect(new Set(watch.changes()).size).toBe(10_000);
  watch.leave();
  expect(lines(app).length).toBeLessThan(2);
  cut.abort();
  await expect.poll(() => lines(app)).toHaveLength(2);
});

test("no more than 500 watches of an organization, and one that has ended makes room", async () => {
  const { app } = await startService();
  const token = await app.token();
  const clients = Array.from({ length: 4 }, () => connectClients(ConnectionService, app, token).grpc);
  const client = (index: number) => clients[index % 4] as (typeof clients)[number];
  const watches: ReturnType<typeof startWatch>[] = [];
  while (watches.length < 500) {
    // Not all in one instant: a server that is short of time refuses what it cannot begin soon.
    const next = Array.from({ length: 50 }, (_, index) => startWatch(client(index)));
    await Promise.all(next.map((watch) => watch.told(1)));
    watches.push(...next);
  }
  const refused = await startWatch(client(0)).ended;
  expect(refused && describeRefusal(refused)).toMatchObject({
    code: Code.ResourceExhausted,
    reason: "TOO_MANY_WATCHES",
    retries: true,
  });
  const other = connectClients(ConnectionService, app, await app.token({ org: "other" })).grpc;
  const theirs = startWatch(other);
  await theirs.told(1);
  watches[0]?.leave();
  await expect.poll(() => lines(app).length).toBe(2);
  const late = startWatch(client(0));
  await late.told(1);
  for (const watch of [theirs, late, ...watches]) watch.leave();
});
