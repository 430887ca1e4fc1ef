import { execFile } from "node:child_process";
import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A file system of its own that can be filled up. */
export interface SmallDisk {
  /** Takes every byte that is left. */
  fill(): Promise<void>;
  /** Gives them back. */
  empty(): Promise<void>;
  unmount(): Promise<void>;
}

/** Mounts memory as a disk, which only root may do on Linux. Answers with the reason, a sentence, where it cannot be done. */
export async function mountSmallDisk(path: string, megabytes: number): Promise<SmallDisk | string> {
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0755`, "connectory-chaos", path]);
  } catch (error) {
    return `a disk cannot be mounted for it (mount -t tmpfs, as root on Linux): ${reasonOf(error)}`;
  }
  const filler = join(path, "filler");
  return {
    async fill() {
      const file = await open(filler, "w");
      try {
        const block = Buffer.alloc(1 << 20);
        for (let full = false; !full; ) full = !(await write(file, block));
        for (let full = false; !full; ) full = !(await write(file, block.subarray(0, 4096)));
      } finally {
        await file.close();
      }
      const { bavail } = await statfs(path);
      if (bavail > 16) throw new Error(`${path} has ${bavail} blocks left`);
    },
    empty: () => rm(filler, { force: true }),
    unmount: async () => {
      // Lazily: the last of a killed server's processes may still be there.
      await run("umount", ["--lazy", path]);
    },
  };
}

async function write(file: { write(bytes: Uint8Array): Promise<unknown> }, bytes: Uint8Array): Promise<boolean> {
  try {
    await file.write(bytes);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
  return (text || String(error)).trim();
}
