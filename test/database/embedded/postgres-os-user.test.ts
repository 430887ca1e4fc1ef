import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../../src/database/embedded/start-embedded-postgres.ts";
import { openKnex } from "../../../src/database/open-knex.ts";

const onLinuxAsRoot = process.getuid?.() === 0 && process.platform === "linux";
const log = pino({ level: "silent" });

let dataDir: string;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-account-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Starts the server here, asks it one thing and stops it. */
async function ask(sql: string): Promise<unknown> {
  const { target, stop } = await startEmbeddedPostgres({ dataDir, log, fsync: false });
  const knex = openKnex(target, 1);
  try {
    return (await knex.raw(sql)).rows;
  } finally {
    await knex.destroy();
    await stop();
  }
}

function postmasterPid(): number {
  return Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
}

const canList = (uid: number, pid: number) => {
  const args = ["-c", `ls -A /proc/${pid}/cwd/ && cat /proc/${pid}/cwd/PG_VERSION`];
  return spawnSync("/bin/sh", args, { uid, gid: uid, cwd: "/", encoding: "utf8" });
};

test.skipIf(!onLinuxAsRoot)("do not come to the socket and the files, `nobody` neither (root on Linux)", async () => {
  const server = await startEmbeddedPostgres({ dataDir, log, fsync: false });
  cleanups.push(server.stop);
  const pid = postmasterPid();
  const { uid } = statSync(`/proc/${pid}`);
  for (const other of [65_534, 1, uid - 1]) {
    const { status, stdout, stderr } = canList(other, pid);
    expect([other, status, stdout]).toEqual([other, 2, ""]);
    expect(stderr).toContain("Permission denied");
  }
  expect(canList(uid, pid).stdout).toContain(".s.PGSQL.5432"); // the question would show it
  const passwd = readFileSync("/etc/passwd", "utf8");
  expect(passwd.split("\n").map((line) => Number(line.split(":")[2]))).not.toContain(uid);
});

test.skipIf(!onLinuxAsRoot)("a cluster that ran as `nobody` gets a user of its own (root on Linux)", async () => {
  await ask("create table if not exists kept as select 7 as n");
  execFileSync("chown", ["-R", "65534:65534", join(dataDir, "postgres")]);
  expect(await ask("select n from kept")).toEqual([{ n: 7 }]);
  const { uid } = statSync(join(dataDir, "postgres"));
  expect([0, 65_534]).not.toContain(uid);
  expect(await ask("select n from kept")).toEqual([{ n: 7 }]);
  expect(statSync(join(dataDir, "postgres")).uid).toBe(uid); // which it keeps
  const { stdout } = spawnSync("find", [join(dataDir, "postgres"), "!", "-uid", String(uid)], { encoding: "utf8" });
  expect(stdout).toBe("");
});
