import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Knex } from "knex";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../src/database/embedded/start-embedded-postgres.ts";
import { isTransientError } from "../../src/database/is-transient-error.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { limitSocketSilence } from "../../src/database/socket-silence-limit.ts";
import { type FaultProxy, openFaultProxy } from "../client/open-fault-proxy.ts";
import { createTestDatabase, socketOf } from "../support/postgres.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A database behind a proxy, and a pool of three with this limit. */
async function behindProxy(limitMs: number) {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  const proxy = await openFaultProxy(socketOf(database.target));
  cleanups.push(proxy.close);
  const [host = "", port] = proxy.address.split(":");
  const silence = limitSocketSilence(limitMs);
  const knex = openKnex({ ...database.target, host, port: Number(port) }, 3, undefined, silence);
  return { proxy, silence, knex };
}

const outcome = (query: Promise<unknown>) =>
  query.then(
    () => "answered",
    (error: unknown) => (isTransientError(error) ? "unavailable" : String(error)),
  );

/** As many statements at once as the pool has connections. */
const fill = (knex: Knex) => Promise.all([0, 1, 2].map(() => outcome(knex.raw("select pg_sleep(0.1)"))));

async function goSilent(knex: Knex, proxy: FaultProxy): Promise<void> {
  await expect.poll(() => fill(knex), { timeout: 90_000 }).toEqual(["answered", "answered", "answered"]);
  proxy.freeze();
}

test("when every connection goes silent their statements fail after the limit, and the pool refills by itself", async () => {
  const { proxy, knex } = await behindProxy(2_000);
  cleanups.push(() => knex.destroy());
  await goSilent(knex, proxy);
  const before = proxy.taken();
  expect(await fill(knex)).toEqual(["unavailable", "unavailable", "unavailable"]);
  await expect.poll(() => fill(knex), { timeout: 90_000 }).toEqual(["answered", "answered", "answered"]);
  expect(proxy.taken()).toBeGreaterThanOrEqual(before + 3);
});

test("a transaction whose connection goes silent fails as a whole, and the next one works", async () => {
  const { proxy, knex } = await behindProxy(2_000);
  cleanups.push(() => knex.destroy());
  await knex.raw("create table note (n int)");
  const write = (during: () => void) =>
    outcome(
      knex.transaction(async (trx) => {
        await trx.raw("select from note");
        during();
        await trx.raw("insert into note values (1)");
      }),
    );
  expect(await write(() => proxy.freeze())).toBe("unavailable");
  await expect.poll(() => write(() => {}), { timeout: 90_000 }).toBe("answered");
  expect((await knex.raw("select n from note")).rows).toEqual([{ n: 1 }]);
});

test("a pool whose limit is made shorter ends although its connections are silent", async () => {
  const { proxy, silence, knex } = await behindProxy(600_000);
  await goSilent(knex, proxy);
  const hanging = fill(knex);
  silence.change(200);
  await knex.destroy();
  expect(await hanging).toEqual(["unavailable", "unavailable", "unavailable"]);
});

test("with the limit 0 a statement may take any time, and a limit begins for open connections too", async () => {
  const { proxy, silence, knex } = await behindProxy(0);
  cleanups.push(() => knex.destroy());
  await goSilent(knex, proxy);
  silence.change(2_000);
  expect(await fill(knex)).toEqual(["unavailable", "unavailable", "unavailable"]);
});

/** The processes whose parent is this one. */
async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent ? pid : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

test.runIf(process.platform === "linux")(
  "the embedded database that was frozen for longer than the limit serves when it goes on, and ends in order when it is frozen",
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "connectory-frozen-"));
    cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
    const server = await startEmbeddedPostgres({ dataDir, log: pino({ level: "silent" }), fsync: false });
    cleanups.push(server.stop);
    const silence = limitSocketSilence(2_000);
    const knex = openKnex(server.target, 3, undefined, silence);
    const postmaster = Number((await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n")[0]);
    const send = async (signal: NodeJS.Signals) => {
      for (const pid of [postmaster, ...(await childrenOf(postmaster))]) process.kill(pid, signal);
    };
    await expect.poll(() => fill(knex), { timeout: 90_000 }).toEqual(["answered", "answered", "answered"]);
    await send("SIGSTOP");
    expect(await fill(knex)).toEqual(["unavailable", "unavailable", "unavailable"]);
    expect(await fill(knex)).toEqual(["unavailable", "unavailable", "unavailable"]);
    await send("SIGCONT");
    await expect.poll(() => fill(knex), { timeout: 90_000 }).toEqual(["answered", "answered", "answered"]);
    process.kill(postmaster, "SIGSTOP");
    await knex.destroy();
    await server.stop();
    expect(await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8").catch(() => "removed in order")).toBe(
      "removed in order",
    );
  },
);
