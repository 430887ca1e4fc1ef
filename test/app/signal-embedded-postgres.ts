import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Sends a signal to every process of the embedded database of a running server: the first one before its children. */
export async function signalEmbeddedPostgres(dataDir: string, signal: NodeJS.Signals): Promise<void> {
  const [first] = (await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n");
  const postmaster = Number(first);
  process.kill(postmaster, signal);
  const { stdout } = await run("ps", ["-o", "pid=", "--ppid", String(postmaster)]);
  for (const pid of stdout.split("\n").map(Number).filter(Boolean)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
}
