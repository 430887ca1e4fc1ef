import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeFolder } from "../../config/make-folder.ts";

/**
 * Creates the folder (mode 0700) if it is missing and locks it for this process. Returns the function that releases it. Throws
 * one line for the operator when another process has locked it.
 *
 * The kernel holds the lock: it is taken atomically and released when the process ends, by `kill -9` too. It is effective
 * within one network namespace: containers that share a folder are detected by the socket check in stop-orphaned-postgres.ts.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  await makeFolder(dataDir);
  try {
    return process.platform === "linux" ? await holdAbstractSocket(dataDir) : await holdFile(dataDir);
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new Error(
      `DATA_DIR ${dataDir} is in use by another Connectory process: stop that one, or give this one another DATA_DIR`,
    );
  }
}

/**
 * A name in Linux' abstract socket namespace, derived from the folder's device and inode and not from the spelling of its path.
 */
async function holdAbstractSocket(dataDir: string): Promise<() => Promise<void>> {
  const { dev, ino } = await stat(await realpath(dataDir), { bigint: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: `\0connectory-data-dir-${dev}-${ino}`, exclusive: true }, resolve);
  });
  server.unref();
  return () => new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
}

/** macOS: O_EXLOCK is flock(2) at open, which Node passes through to open(2) but names only on that platform. */
async function holdFile(dataDir: string): Promise<() => Promise<void>> {
  const exclusiveLock = 0x20;
  const file = await open(
    join(dataDir, "lock"),
    constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | exclusiveLock,
    0o600,
  );
  return () => file.close();
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EADDRINUSE" || error.code === "EAGAIN");
}
