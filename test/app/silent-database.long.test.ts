import { afterEach, expect, test } from "vitest";
import { orderedPair } from "../../src/client/index.ts";
import { createConnectoryClient } from "../../src/client/node/index.ts";
import { openFaultProxy } from "../client/open-fault-proxy.ts";
import { startTestApp, toUrl } from "../support/app.ts";
import { createTestDatabase, socketOf } from "../support/postgres.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startBehindProxy() {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  const proxy = await openFaultProxy(socketOf(database.target));
  cleanups.push(proxy.close);
  const [host = "", port] = proxy.address.split(":");
  const app = await startTestApp({ DATABASE_URL: toUrl({ ...database.target, host, port: Number(port) }) });
  const { connections } = createConnectoryClient({
    baseUrl: app.httpUrl,
    token: await app.token(),
    retry: false,
    timeoutMs: 600_000,
  });
  let user = 0;
  const create = () => {
    return connections.createConnection(orderedPair("hub", `friend-${user++}`)).then(
      () => "answered",
      (error: unknown) => String(error),
    );
  };
  return { proxy, app, create, knex: database.knex };
}

test("a service whose database goes silent, with a healthy one behind the same address, serves again without a restart", async () => {
  const { proxy, app, create } = await startBehindProxy();
  cleanups.push(app.stop);
  expect(await create()).toBe("answered");
  proxy.freeze();
  // What the silent connection was to write is sent again on another one.
  expect(await create()).toBe("answered");
  await expect.poll(create, { timeout: 90_000 }).toBe("answered");
  await expect.poll(async () => (await fetch(`${app.httpUrl}/readyz`)).status, { timeout: 90_000 }).toBe(200);
});

test("a stop does not wait for a database that has gone silent", async () => {
  const { proxy, app, create, knex } = await startBehindProxy();
  expect(await create()).toBe("answered");
  const locking = await knex.transaction();
  await locking.raw("select from organization for update");
  const hanging = create();
  const waiting =
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await expect.poll(async () => (await knex.raw(waiting)).rows, { timeout: 90_000 }).toEqual([{ n: 1 }]);
  proxy.freeze();
  await locking.rollback();
  await app.stop();
  expect(await hanging).toMatch(/^answered$|unavailable|canceled/);
});
