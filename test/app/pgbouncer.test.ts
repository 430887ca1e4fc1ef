import { ConnectError } from "@connectrpc/connect";
import { pino } from "pino";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { openKnex } from "../../src/database/open-knex.ts";
import { verifyPooling } from "../../src/database/verify-pooling.ts";
import { startWatch } from "../connections/start-watch.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { freePort } from "../support/free-port.ts";
import { serverForTests } from "../support/servers/server-for-tests.ts";
import { startPgbouncer } from "../support/servers/start-pgbouncer.ts";
import { startPostgres } from "../support/servers/start-postgres.ts";

const postgres = await serverForTests(startPostgres);
const { tester } = postgres.users;
const address = { host: postgres.host, port: postgres.port, database: postgres.database };
const direct = openKnex({ ...address, user: tester.username, password: tester.password }, 2);
afterAll(async () => {
  await direct.destroy();
  await postgres.stop();
});
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Fewer connections of PgBouncer than the two services of a test have: in transaction mode they share them. */
async function startBouncer(mode: "session" | "transaction", poolSize: number) {
  const bouncer = await serverForTests(startPgbouncer, postgres, [tester], { mode, poolSize });
  cleanups.push(bouncer.stop);
  return { ...bouncer, url: bouncer.url(tester) };
}

async function startApp(url: string, prepare: string): Promise<TestApp> {
  const tests = {
    TESTS_MAX: "100",
    TESTS_MAX_PER_ORGANIZATION: "100",
    TESTS_MAX_PER_TARGET: "100",
    TESTS_MAX_PER_ADDRESS: "100",
  };
  const app = await startTestApp({ DATABASE_URL: url, DATABASE_PREPARE: prepare, ...tests });
  cleanups.push(app.stop);
  return app;
}

/** Creates, reads, lists, profiles and their tests, of many callers at once; what was acknowledged, and how calls failed. */
async function runLoad(app: TestApp, org: string, prefix: string) {
  const token = await app.token({ org });
  const connections = connectClients(ConnectionService, app, token).grpc;
  const profiles = connectClients(ConnectionProfileService, app, token).grpc;
  const port = await freePort();
  const acknowledged = { connections: [] as string[], profiles: [] as string[] };
  const failed: string[] = [];
  const attempt = (call: () => Promise<unknown>) =>
    call().catch((error: unknown) => failed.push(ConnectError.from(error).message));
  const caller = async (name: string) => {
    for (let index = 0; index < 12; index += 1) {
      const user = `user-${prefix}-${name}-${index}`;
      await attempt(async () => {
        const { connection } = await connections.createConnection({ userId1: "hub", userId2: user });
        acknowledged.connections.push(connection?.id ?? "");
        const found = await connections.getConnection({ id: connection?.id ?? "" });
        expect(found.connection).toEqual(connection);
      });
      await attempt(() => connections.listConnections({ userId: user }));
      await attempt(() => connections.countConnections({ userId: "hub" }));
      if (index % 4 !== 0) continue;
      await attempt(async () => {
        const connector = { case: "redis", value: { address: `redis://127.0.0.1:${port}` } } as const;
        const { connectionProfile } = await profiles.createConnectionProfile({ name: user, config: { connector } });
        const id = connectionProfile?.id ?? "";
        acknowledged.profiles.push(id);
        await profiles.testConnectionProfile({ id });
        expect((await profiles.getConnectionProfile({ id })).connectionProfile?.name).toBe(user);
      });
      await attempt(() => profiles.listConnectionProfiles({ pageSize: 5 }));
    }
  };
  await Promise.all(Array.from({ length: 24 }, (_, index) => caller(String(index))));
  return { ...acknowledged, failed };
}

describe.each([
  ["session", "on", 20],
  ["transaction", "off", 4],
  ["session", "off", 20],
] as const)("behind PgBouncer in %s mode with DATABASE_PREPARE=%s", (mode, prepare, poolSize) => {
  test("two services serve a load: nothing is lost, nothing is doubled, no call is INTERNAL", async () => {
    const { url } = await startBouncer(mode, poolSize);
    const apps = [await startApp(url, prepare), await startApp(url, prepare)];
    const org = `${mode}-${prepare}`;
    for (const app of apps) await expect.poll(async () => (await fetch(`${app.httpUrl}/readyz`)).status).toBe(200);
    const [first] = apps as [TestApp, TestApp];
    const watch = startWatch(connectClients(ConnectionService, first, await first.token({ org })).grpc);
    await watch.told(1);
    const results = await Promise.all(apps.map((app, index) => runLoad(app, org, String(index))));
    expect(results.flatMap(({ failed }) => failed)).toEqual([]);
    const made = results.flatMap(({ connections }) => connections);
    await watch.told(1 + made.length);
    watch.leave();
    expect(new Set(watch.changes()).size).toBe(made.length);

    const ofOrganization = { organization_id: org };
    expect(new Set(await direct("connection").where(ofOrganization).pluck("id"))).toEqual(new Set(made));
    const kept: string[] = await direct("connection_profile").where(ofOrganization).pluck("id");
    expect(new Set(kept)).toEqual(new Set(results.flatMap(({ profiles }) => profiles)));
    const events = await direct("event").where(ofOrganization).orderBy("revision").select("revision", "type");
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => BigInt(index + 1)));
    expect(events.filter(({ type }) => type === "connection.created")).toHaveLength(made.length);
    expect(apps.flatMap(({ logged }) => logged).filter((line) => /"level":[56]0/.test(line))).toEqual([]);
  });
});

test("a PgBouncer that is changed to transaction mode under a service with prepared statements costs no INTERNAL", async () => {
  const bouncer = await startBouncer("session", 40);
  const apps = [await startApp(bouncer.url, "on"), await startApp(bouncer.url, "on")];
  const org = "changed";
  const load = Promise.all(apps.map((app, index) => runLoad(app, org, String(index))));
  const count = async () => Number((await direct("connection").where({ organization_id: org }).count())[0]?.count);
  await expect.poll(count, { timeout: 90_000 }).toBeGreaterThan(50);
  await bouncer.change("transaction");
  const results = await load;
  const failed = results.flatMap((result) => result.failed);
  expect(failed.filter((message) => !/^\[(unavailable|resource_exhausted)\]/.test(message))).toEqual([]);
  const written = new Set(await direct("connection").where({ organization_id: org }).pluck("id"));
  expect(results.flatMap(({ connections }) => connections).filter((id) => !written.has(id))).toEqual([]);
  const revisions = await direct("event").where({ organization_id: org }).orderBy("revision").pluck("revision");
  expect(revisions).toEqual(revisions.map((_, index) => BigInt(index + 1)));
});

test.each([1, 4, 20])(
  "in transaction mode with %s connections and prepared statements the start says what is wrong",
  async (poolSize) => {
    const { url } = await startBouncer("transaction", poolSize);
    await expect(startApp(url, "on")).rejects.toThrow(
      /^DATABASE_URL leads to a pooler .* set DATABASE_PREPARE=off, or /,
    );
  },
);

test("in session mode with a single connection the start does not take the wait for another one for a fault", async () => {
  const { url } = await startBouncer("session", 1);
  await verifyPooling({ url }, pino({ level: "silent" }));
});

test("without prepared statements a user without limits is warned of, and one with limits is not", async () => {
  const { url } = await startBouncer("transaction", 4);
  const app = await startApp(url, "off");
  const warnings = ({ logged }: TestApp) =>
    logged.filter((line) => line.includes("DATABASE_PREPARE=off")).map((line) => JSON.parse(line).missing);
  expect(warnings(app)).toEqual([["idle_in_transaction_session_timeout", "statement_timeout"]]);
  await direct.raw("alter role tester set statement_timeout = '30s'");
  await direct.raw("alter role tester set idle_in_transaction_session_timeout = '30s'");
  const { url: again } = await startBouncer("transaction", 4);
  expect(warnings(await startApp(again, "off"))).toEqual([]);
});
