import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Database, toEnvironment } from "../database.ts";
import type { Window } from "../load/drive.ts";
import { type Measure, measure } from "../load/measure.ts";

const run = promisify(execFile);

/** The statements that pgbench can be asked to run; each stands in a file of its own. */
export type Script = "same-rows" | "same-statement" | "profile-page" | "profile-transaction" | "profile-statement";

/** Throws a line that says what to install when pgbench is missing. */
export async function requirePgbench(): Promise<void> {
  await run("pgbench", ["--version"]).catch((cause) => {
    throw new Error("pgbench is missing: install Debian's package postgresql-contrib (or postgresql)", { cause });
  });
}

/**
 * Has pgbench run a script with so many clients. The rate and the latencies are taken from its log of transactions,
 * inside the same kind of window as the load of the servers: its own summary would count the time in which every new
 * session fills its caches. `variables` are parameters of the script.
 */
export async function runPgbench(
  database: Database,
  script: Script,
  clients: number,
  window: Window,
  variables: Readonly<Record<string, string>> = {},
): Promise<Measure> {
  const folder = await mkdtemp(join(tmpdir(), "connectory-pgbench-"));
  try {
    const seconds = Math.ceil((window.warmUpMs + window.measuredMs) / 1000);
    const file = fileURLToPath(new URL(`${script}.sql`, import.meta.url));
    const { stdout } = await run(
      "pgbench",
      ["-n", "-M", "prepared", "-c", `${clients}`, "-j", `${Math.min(2, clients)}`, "-T", `${seconds}`].concat([
        "-f",
        file,
        "-l",
        `--log-prefix=${join(folder, "log")}`,
        ...Object.entries(variables).map(([name, value]) => `--define=${name}=${value}`),
      ]),
      { env: { ...process.env, ...toEnvironment(database) }, maxBuffer: 64 * 1024 * 1024 },
    );
    const acknowledged = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
    if (!/number of failed transactions: 0 /.test(stdout) || !(acknowledged > 0)) throw new Error(stdout);
    return measure(await readLatencies(folder, window), window.measuredMs, acknowledged);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Lines of pgbench's log: client, transaction, latency in µs, script, end in seconds and µs since the epoch. */
async function readLatencies(folder: string, window: Window): Promise<number[]> {
  const names = await readdir(folder);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  const lines = texts.flatMap((text) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ").map(Number)),
  );
  const transactions = lines.map(([, , latencyUs = 0, , seconds = 0, us = 0]) => ({
    latencyMs: latencyUs / 1000,
    endedMs: seconds * 1000 + us / 1000,
  }));
  // All clients are connected before the first statement, so the first answer marks the beginning.
  const began = transactions.reduce((min, { endedMs, latencyMs }) => Math.min(min, endedMs - latencyMs), Infinity);
  const from = began + window.warmUpMs;
  return transactions
    .filter(({ endedMs }) => endedMs >= from && endedMs < from + window.measuredMs)
    .map(({ latencyMs }) => latencyMs);
}
