import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, expect, test } from "vitest";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/health/v1/health_pb.js";
import { openKnex } from "../../src/database/open-knex.ts";
import { openFaultProxy } from "../client/open-fault-proxy.ts";
import { startTestApp, type TestApp, toUrl } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { serverForTests } from "../support/servers/server-for-tests.ts";
import { startPrimaryAndStandby } from "../support/servers/start-primary-and-standby.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What the three say: `/healthz`, `/readyz` with its words, grpc.health of the whole server and of a service. */
async function healthOf(app: TestApp) {
  const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` }));
  const ready = await fetch(`${app.httpUrl}/readyz`);
  const services = ["", ConnectionService.typeName];
  return {
    lives: (await fetch(`${app.httpUrl}/healthz`)).status,
    ready: [ready.status, await ready.json()],
    serving: await Promise.all(services.map(async (service) => (await health.check({ service })).status)),
  };
}

const well = { lives: 200, ready: [200, { status: "ok" }], serving: [Serving.SERVING, Serving.SERVING] };
const unwell = (message: string) => ({
  lives: 200,
  ready: [503, { status: "unavailable", message }],
  serving: [Serving.NOT_SERVING, Serving.NOT_SERVING],
});
const isStandby =
  "the database is a standby, which takes no writes: the service needs the primary, or that this one is promoted";
const isReadOnly =
  "the database is set to read only (default_transaction_read_only): the service needs one that takes writes";

let next = 0;
async function create(client: Client<typeof ConnectionService>): Promise<string> {
  const created = client.createConnection({ userId1: "hub", userId2: `user-${next++}` });
  return created.then(({ connection }) => connection?.id ?? "").catch((error) => ConnectError.from(error).message);
}

test("a standby is not ready until it is promoted, and then without a restart; nothing acknowledged is lost", async () => {
  const servers = await serverForTests(startPrimaryAndStandby);
  cleanups.push(servers.stop);
  const proxy = await openFaultProxy(servers.primary.port);
  cleanups.push(proxy.close);
  const app = await startTestApp({ DATABASE_URL: servers.url(Number(proxy.address.split(":")[1])) });
  cleanups.push(app.stop);
  const client = connectClients(ConnectionService, app, await app.token()).grpc;
  await expect.poll(() => healthOf(app), { timeout: 90_000 }).toEqual(well);
  const ids = [await create(client), await create(client)];
  const copy = openKnex({ url: servers.url(servers.standby.port) }, 1);
  cleanups.push(() => copy.destroy());
  const arrived = () => copy("connection").pluck<string[]>("id").catch(String);
  await expect.poll(arrived, { timeout: 90_000 }).toEqual(ids);

  await servers.primary.stop();
  await expect.poll(() => healthOf(app), { timeout: 90_000 }).toEqual(unwell("the database does not answer"));
  proxy.lead(servers.standby.port);
  proxy.cut("reset");
  await expect.poll(() => healthOf(app), { timeout: 90_000 }).toEqual(unwell(isStandby));
  expect((await client.getConnection({ id: ids[0] ?? "" })).connection?.id).toBe(ids[0]);
  expect(await create(client)).toMatch(/^\[unavailable\]/);

  await servers.standby.promote();
  await expect.poll(() => healthOf(app), { timeout: 90_000 }).toEqual(well);
  ids.push(await create(client));
  expect(await arrived()).toEqual(ids);
});

test("a start on a standby is refused with what is so", async () => {
  const servers = await serverForTests(startPrimaryAndStandby);
  cleanups.push(servers.stop);
  const start = startTestApp({ DATABASE_URL: servers.url(servers.standby.port) });
  await expect(start).rejects.toThrow(isStandby);
});

test("a database that is set to read only is not ready until it is set back, and a start on it is refused", async () => {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  const app = await startTestApp({ DATABASE_URL: toUrl(database.target) });
  cleanups.push(app.stop);
  const set = async (value: "on" | "off") => {
    const name = database.target.database;
    await app.knex.raw(`alter database ?? set default_transaction_read_only = ${value}`, [name]);
    await app.knex.raw("select pg_terminate_backend(pid) from pg_stat_activity where datname = ?", [name]);
  };
  await set("on");
  await expect.poll(() => healthOf(app), { timeout: 90_000 }).toEqual(unwell(isReadOnly));
  await expect(startTestApp({ DATABASE_URL: toUrl(database.target) })).rejects.toThrow(isReadOnly);
  await set("off");
  await expect.poll(() => healthOf(app), { timeout: 90_000 }).toEqual(well);
});
