import { mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataDir } from "../../../src/database/embedded/lock-data-dir.ts";
import { spawnServer } from "./spawn-server.ts";

let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "connectory-lock-"));
  dataDir = join(folder, "data");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("makes a folder that only its owner can enter", async () => {
  const unlock = await lockDataDir(dataDir);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  await unlock();
});

test("refuses a second holder until the first lets go, however the path is written", async () => {
  const unlock = await lockDataDir(dataDir);
  const alias = join(folder, "alias");
  await symlink(dataDir, alias);
  await expect(lockDataDir(alias)).rejects.toThrow(
    `DATA_DIR ${alias} is in use by another Connectory process: stop that one, or give this one another DATA_DIR`,
  );
  await unlock();
  await (await lockDataDir(alias))();
});

test("only one of many at once gets it", async () => {
  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dataDir)));
  const holders = attempts.filter((attempt) => attempt.status === "fulfilled");
  expect(holders).toHaveLength(1);
  await holders[0]?.value();
});

test("binds other processes, and is gone as soon as its holder is killed", async () => {
  const holder = spawnServer(dataDir);
  await holder.said("ready");
  const second = spawnServer(dataDir);
  await expect(second.said("locked")).rejects.toThrow(`DATA_DIR ${dataDir} is in use by another Connectory process`);
  await holder.said("row "); // the first was not disturbed
  await holder.kill("SIGKILL");

  const third = spawnServer(dataDir);
  await third.said("row ");
  await third.kill("SIGTERM");
  await third.said("stopped");
});
