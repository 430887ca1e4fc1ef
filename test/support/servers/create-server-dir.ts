import { rmSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a folder's name begins with; the id of the process that has made it follows. */
const prefix = "connectory-server-";
const folders = new Set<string>();
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

let swept: Promise<void> | undefined;

/** A folder for one server's configuration and data. Gone when disposed, or when this process ends in order. */
export async function createServerDir(name: string): Promise<AsyncDisposable & { readonly path: string }> {
  swept ??= removeLeftovers();
  await swept;
  const path = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${name}-`));
  folders.add(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      // Retries, because the last of a killed server's processes may still be writing.
      await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      folders.delete(path);
    },
  };
}

/** Of processes that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(prefix) || isRunning(Number.parseInt(entry.slice(prefix.length), 10))) continue;
    try {
      await rm(join(tmpdir(), entry), { recursive: true, force: true });
    } catch {
      // Another user's: not ours to remove.
    }
  }
}

/** True also for a name without a process id. */
function isRunning(pid: number): boolean {
  try {
    return Number.isNaN(pid) || process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
