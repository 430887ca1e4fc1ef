import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Code } from "@connectrpc/connect";
import { afterAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { startWatch } from "../connections/start-watch.ts";
import { toUrl } from "../support/app.ts";
import { expectSoundLog, readLog } from "../support/check-log.ts";
import { connectClients } from "../support/clients.ts";
import { createLoad } from "../support/create-load.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-storm-"));
const database = await createTestDatabase();
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Servers of one database that take each other's tokens: they share no more than that and the secret keys. */
const start = async (name: string): Promise<ServerProcess> => {
  const dataDir = join(folder, name);
  await mkdir(dataDir, { recursive: true });
  return startServer({
    DATA_DIR: dataDir,
    DATABASE_URL: toUrl(database.target),
    SECRET_KEYS: `test:${Buffer.alloc(32, 7).toString("base64")}`,
  });
};

/** Codes with which a stream may break off when its server is killed, stops, or the watcher itself cuts it. */
const breaks = [Code.Canceled, Code.Unavailable, Code.Internal, Code.Unknown, Code.Aborted];

/** Watches from `begin` on through whichever server is there, cut off every now and then until `calm`; then to `end`. */
async function watchThrough(
  servers: ServerProcess[],
  protocol: "grpc" | "connect-binary",
  until: { calm: AbortSignal; end: () => bigint },
): Promise<{ seen: bigint[]; streams: number }> {
  const seen: bigint[] = [];
  const clients = new Map<ServerProcess, Client<typeof ConnectionService>>();
  let position = 0n;
  let streams = 0;
  while (!until.calm.aborted || position < until.end()) {
    const server = servers[Math.floor(Math.random() * servers.length)] as ServerProcess;
    const client = clients.get(server) ?? connectClients(ConnectionService, server, server.token)[protocol];
    clients.set(server, client);
    streams += 1;
    const watch = startWatch(client, { afterRevision: position }, ({ connection, revision }) => {
      if (connection !== undefined) seen.push(revision);
      position = revision;
      if (until.calm.aborted && position >= until.end()) watch.leave();
    });
    const ended = watch.ended.then(() => "ended");
    if (!until.calm.aborted) await Promise.race([ended, sleep(Math.random() * 500)]);
    else await Promise.race([ended, sleep(5000)]);
    watch.leave();
    const error = await watch.ended;
    if (error !== undefined && !breaks.includes(error.code)) throw error;
    if (error?.code !== Code.Canceled) await sleep(100);
  }
  return { seen, streams };
}

describe("50 writers and 20 watchers on two servers, streams cut at random, one server killed", () => {
  test("every watcher is told every change exactly once, in order", { timeout: 300_000 }, async () => {
    const servers = [await start("one"), await start("two")];
    const [one, two] = servers as [ServerProcess, ServerProcess];
    const calm = new AbortController();
    let end = BigInt(Number.MAX_SAFE_INTEGER);
    const watchers = Array.from({ length: 20 }, (_, index) =>
      watchThrough(servers, index % 2 === 0 ? "grpc" : "connect-binary", { calm: calm.signal, end: () => end }),
    );

    let killed: Promise<unknown> | undefined;
    const loads = await Promise.all([
      createLoad(two, { count: 1500, callers: 25, prefix: "user-two" }),
      createLoad(one, {
        count: 1500,
        callers: 25,
        prefix: "user-one",
        onAcknowledged: (total) => {
          if (total >= 500) killed ??= one.end("SIGKILL");
        },
      }),
    ]);
    await killed;
    servers[0] = await start("one");
    const more = await createLoad(servers[0], { count: 300, callers: 25, prefix: "user-again" });
    const acknowledged = [...loads, more].flatMap((load) => load.acknowledged);
    expect([acknowledged.length > 2200, loads[1].failed.length > 0, more.failed.length]).toEqual([true, true, 0]);

    const log = await readLog(database.knex);
    expectSoundLog(log);
    end = log.events.at(-1)?.revision ?? 0n;
    calm.abort();
    const told = await Promise.all(watchers);
    for (const { seen } of told) expect(seen).toEqual(log.events.map(({ revision }) => revision));
    const streams = told.reduce((sum, each) => sum + each.streams, 0);
    expect(streams).toBeGreaterThan(200);
    for (const server of servers) {
      expect(server.log()).not.toMatch(/"level":(50|60)/);
      expect(await server.end("SIGTERM")).toBe(0);
    }
  });
});
