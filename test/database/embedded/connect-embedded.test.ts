import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectEmbedded } from "../../../src/database/embedded/connect-embedded.ts";
import { lockDataDir } from "../../../src/database/embedded/lock-data-dir.ts";
import { type DatabaseAddress, openKnex } from "../../../src/database/open-knex.ts";
import { spawnServer } from "./spawn-server.ts";

const log = pino({ level: "silent" });
let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "connectory-connect-"));
  // Too long a path for a unix socket, so that the link is needed too.
  dataDir = join(folder, "d".repeat(100));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function notes(target: DatabaseAddress): Promise<number> {
  const knex = openKnex(target, 1);
  try {
    const { rows } = await knex.raw("select count(*)::int as count from note");
    return rows[0].count;
  } finally {
    await knex.destroy();
  }
}

test("reaches the database of the server that runs, and starts it itself once nobody does", async () => {
  const server = spawnServer(dataDir);
  await server.said("row ");
  const beside = await connectEmbedded({ dataDir, log });
  expect(await notes(beside.target)).toBeGreaterThan(0);
  await beside.stop();
  const before = server.lines.length;
  await expect.poll(() => server.lines.length).toBeGreaterThan(before); // it was not stopped
  await server.kill("SIGTERM");
  await server.said("stopped");

  const alone = await connectEmbedded({ dataDir, log });
  expect(await notes(alone.target)).toBeGreaterThan(0);
  await expect(lockDataDir(dataDir)).rejects.toThrow("is in use");
  await alone.stop();
  await (await lockDataDir(dataDir))();
});

test("waits for the database of a server that is just starting", async () => {
  const first = spawnServer(dataDir);
  await first.said("ready");
  await first.kill("SIGKILL"); // leaves a database that is there and must recover
  const server = spawnServer(dataDir);
  await server.said("locked");
  const { target } = await connectEmbedded({ dataDir, log });
  await server.said("ready");
  expect(await notes(target)).toBeGreaterThanOrEqual(0);
  await server.kill("SIGTERM");
});

test("a folder without a database is refused, and none is made", async () => {
  await expect(connectEmbedded({ dataDir: folder, log })).rejects.toThrow(`DATA_DIR ${folder} has no database`);
});
