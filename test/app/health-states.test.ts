import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/health/v1/health_pb.js";
import { openKnex } from "../../src/database/open-knex.ts";
import { type NetworkProxy, openNetworkProxy } from "../chaos/cluster/network-proxy.ts";
import { mountSmallDisk } from "../chaos/cluster/small-disk.ts";
import { type ChaosPostgres, startPostgres } from "../chaos/cluster/start-postgres.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { canary } from "../support/canary.ts";
import { freePort } from "../support/free-port.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { signalEmbeddedPostgres } from "./signal-embedded-postgres.ts";

// The table of docs/operations.md, Health, row by row, on real parts.

type At = Pick<TestApp, "httpUrl" | "grpcAddress">;

/** What is said of a server: `/healthz`, `/readyz`, grpc.health. */
async function statesOf({ httpUrl, grpcAddress }: At): Promise<readonly [number, number, string]> {
  const statusOf = async (path: string) => (await fetch(`${httpUrl}${path}`)).status;
  const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${grpcAddress}` }));
  const { status } = await health.check({});
  return [await statusOf("/healthz"), await statusOf("/readyz"), Serving[status]];
}
const well = [200, 200, "SERVING"];
const away = [200, 503, "NOT_SERVING"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "connectory-health-"));
  await chmod(folder, 0o755); // PostgreSQL has another user
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

async function setReadOnly(url: string, on: boolean): Promise<void> {
  const knex = openKnex({ url }, 1);
  await knex.raw(`alter system set default_transaction_read_only = ${on ? "on" : "off"}`);
  await knex.raw("select pg_reload_conf()");
  await knex.destroy();
}

async function create({ httpUrl }: At, token: string): Promise<number> {
  const response = await fetch(`${httpUrl}/v1/connections`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ userId1: "hub", userId2: `user-${crypto.randomUUID()}` }),
  });
  await response.text();
  return response.status;
}

describe("an external database", () => {
  let database: ChaosPostgres;
  let network: NetworkProxy;
  let app: TestApp;
  beforeAll(async () => {
    database = await startPostgres({
      dir: join(folder, "external"),
      logFile: join(folder, "external.log"),
      environment: {},
    });
    network = await openNetworkProxy(() => database.port);
    app = await startTestApp({ DATABASE_URL: `postgresql://connectory@127.0.0.1:${network.port}/postgres` });
  });
  afterAll(async () => {
    await app.stop();
    await network.close();
    await database.kill();
  });

  test.each<[string, () => unknown, () => unknown]>([
    ["frozen", () => database.freeze(), () => database.resume()],
    ["killed", () => database.kill(), () => database.start()],
    ["refused", () => network.cut(), () => network.mend()],
    ["silent", () => network.silence(), () => network.mend()],
    ["read-only", () => setReadOnly(database.url, true), () => setReadOnly(database.url, false)],
  ])("%s: not ready, and ready again afterwards", async (_fault, begin, cure) => {
    await expect.poll(() => statesOf(app)).toEqual(well);
    await begin();
    await expect.poll(() => statesOf(app)).toEqual(away);
    await cure();
    await expect.poll(() => statesOf(app)).toEqual(well);
    expect(await create(app, await app.token())).toBe(201);
  });

  test("Kafka away: ready, and writes are taken", async () => {
    const other = await startTestApp({ KAFKA_BROKERS: `127.0.0.1:${await freePort()}` });
    expect(await create(other, await other.token())).toBe(201);
    await expect.poll(() => other.logged.filter((line) => line.includes("Kafka")).length).toBeGreaterThan(0);
    expect(await statesOf(other)).toEqual(well);
    await other.stop();
  });

  test("secret keys that stored secrets need are missing: it does not start", async () => {
    const stored = await fetch(`${app.httpUrl}/v1/connection_profiles`, {
      method: "POST",
      headers: { authorization: `Bearer ${await app.token()}`, "content-type": "application/json" },
      body: JSON.stringify({
        name: "a",
        config: { postgres: { host: "db.example", username: "ann", password: canary("kept") } },
      }),
    });
    expect(stored.status).toBe(200);
    const SECRET_KEYS = `another:${Buffer.alloc(32, 9).toString("base64")}`;
    await expect(startTestApp({ DATABASE_URL: database.url, SECRET_KEYS })).rejects.toThrow(
      "test: stored secrets need this key",
    );
  });

  test("shutting down: not ready from the first moment, also while a call is waited for and the database answers", async () => {
    const ending = await startTestApp();
    const token = await ending.token();
    expect(await create(ending, token)).toBe(201);
    const locking = await ending.knex.transaction();
    await locking.raw("select from organization for update");
    const hanging = create(ending, token);
    const waiting =
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await expect.poll(async () => (await ending.knex.raw(waiting)).rows).toEqual([{ n: 1 }]);
    const stopped = ending.app.stop();
    expect(await statesOf(ending)).toEqual(away);
    await locking.rollback();
    expect(await hanging).toBe(201);
    await stopped;
  });
});

describe("the embedded database", () => {
  let server: ServerProcess;
  const dataDir = () => join(folder, "embedded");
  const url = () =>
    `postgresql://connectory@localhost/connectory?host=${encodeURIComponent(join(dataDir(), "postgres"))}`;
  beforeAll(async () => {
    server = await startServer({ DATA_DIR: dataDir() });
  });
  afterAll(() => server.end("SIGTERM"));

  test.each<[string, () => Promise<void>, () => Promise<void>]>([
    ["frozen", () => signalEmbeddedPostgres(dataDir(), "SIGSTOP"), () => signalEmbeddedPostgres(dataDir(), "SIGCONT")],
    ["read-only", () => setReadOnly(url(), true), () => setReadOnly(url(), false)],
  ])("%s: not ready, and ready again afterwards", async (_fault, begin, cure) => {
    await expect.poll(() => statesOf(server)).toEqual(well);
    await begin();
    await expect.poll(() => statesOf(server)).toEqual(away);
    await cure();
    await expect.poll(() => statesOf(server)).toEqual(well);
    expect(await create(server, server.token)).toBe(201);
  });
});

const onLinuxAsRoot = process.platform === "linux" && process.getuid?.() === 0;

/** A service whose database is on this disk. */
const onDisk: Record<string, (dir: string) => Promise<At & { token: string; stop(): Promise<unknown> }>> = {
  external: async (dir) => {
    const database = await startPostgres({ dir, logFile: `${dir}.log`, environment: {} });
    const app = await startTestApp({ DATABASE_URL: database.url });
    const stop = () => app.stop().then(database.kill);
    return { httpUrl: app.httpUrl, grpcAddress: app.grpcAddress, token: await app.token(), stop };
  },
  embedded: async (dir) => {
    const server = await startServer({ DATA_DIR: join(dir, "data") });
    return { ...server, stop: () => server.end("SIGTERM") };
  },
};

test.skipIf(!onLinuxAsRoot).each(Object.entries(onDisk))(
  "a full disk of the %s database: writes are refused for now, reads are answered and so it is ready",
  async (name, start) => {
    const dir = join(folder, `disk-${name}`);
    await mkdir(dir);
    const disk = await mountSmallDisk(dir, 256);
    if (typeof disk === "string") throw new Error(disk);
    const service = await start(dir);
    try {
      const { httpUrl, token } = service;
      expect(await create(service, token)).toBe(201);
      await disk.fill();
      await expect.poll(() => create(service, token), { interval: 5 }).toBe(503);
      expect(await statesOf(service)).toEqual(well);
      const listed = await fetch(`${httpUrl}/v1/connections?userId=hub`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(listed.status).toBe(200);
      await disk.empty();
      await expect.poll(() => create(service, token)).toBe(201);
    } finally {
      await disk.empty();
      await service.stop();
      await disk.unmount();
    }
  },
);
