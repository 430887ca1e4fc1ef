import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { TestProject } from "vitest/node";
import { lockDataDir } from "../../src/database/embedded/lock-data-dir.ts";
import { startEmbeddedPostgres } from "../../src/database/embedded/start-embedded-postgres.ts";
import { stopOrphanedPostgres } from "../../src/database/embedded/stop-orphaned-postgres.ts";
import { migrate } from "../../src/database/migrate.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { canaryPrefix } from "./canary.ts";

const prefix = "connectory-test-";
const log = pino({ level: "error" });

/**
 * One embedded server for the whole run, in a folder of its own, so that runs side by side do not meet. Its database
 * `connectory` is migrated and then only copied: nobody may be connected to a template while it is.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const dataDir = await mkdtemp(join(tmpdir(), prefix));
  const unlock = await lockDataDir(dataDir);
  const abandon = () => killServer(dataDir);
  process.once("exit", abandon);
  const { target, stop } = await startEmbeddedPostgres({ dataDir, log, fsync: false });
  const knex = openKnex(target, 1);
  await migrate(knex);
  await knex.destroy();
  project.provide("postgres", target);
  return async () => {
    process.off("exit", abandon);
    await stop();
    await refuseSecrets(dataDir);
    await rm(dataDir, { recursive: true, force: true });
    await unlock();
  };
}

/** After the whole run: no secret of any test may stand in clear in a file of the database, its log of writes included. */
async function refuseSecrets(dataDir: string): Promise<void> {
  const forms = ["utf8", "utf16le"] as const;
  const wanted = forms
    .map((form) => Buffer.from(canaryPrefix, form))
    .concat(Buffer.from(Buffer.from(canaryPrefix).toString("hex")));
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files) {
    const content = await readFile(file);
    const at = wanted.map((bytes) => content.indexOf(bytes)).find((index) => index >= 0);
    if (at === undefined) continue;
    process.exitCode = 1;
    throw new Error(`a test's secret is in clear in ${file}: ${content.subarray(at, at + 60).toString("latin1")}`);
  }
}

/** On SIGINT and SIGTERM vitest exits without a teardown: what can be done in one go has to do. */
function killServer(dataDir: string): void {
  try {
    const postmaster = Number.parseInt(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8"), 10);
    process.kill(postmaster, "SIGQUIT");
  } catch {
    // Not started yet, or gone.
  }
  // Its last processes may still be writing; what is left after a second, the sweep of a later run removes.
  for (let attempt = 0; attempt < 20 && existsSync(dataDir); attempt++) {
    spawnSync("rm", ["-rf", dataDir]);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  }
}

/** Of runs that were killed: their folders are an hour old or more, and nobody holds the lock. */
async function removeLeftovers(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(prefix)) continue;
    const dataDir = join(tmpdir(), entry);
    try {
      if (Date.now() - (await stat(dataDir)).birthtimeMs < 3_600_000) continue;
      const unlock = await lockDataDir(dataDir);
      await stopOrphanedPostgres(join(dataDir, "postgres"), join(dataDir, "postgres"), log);
      await rm(dataDir, { recursive: true, force: true });
      await unlock();
    } catch {
      // In use, or another user's: not ours to remove.
    }
  }
}
