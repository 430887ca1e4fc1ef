import { randomUUID } from "node:crypto";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../config/make-folder.ts";

/**
 * Returns why DATA_DIR cannot be used, and what to do; undefined when it can. The folder is created if it is missing, and a
 * file is written into it and removed: permissions alone do not show a read-only or a full file system.
 */
export async function checkDataDir(dataDir: string): Promise<string | undefined> {
  try {
    const found = await stat(dataDir).catch(() => undefined);
    if (found !== undefined && !found.isDirectory()) return `${dataDir} is a file: name a folder`;
    await makeFolder(dataDir);
    const draft = join(dataDir, `.write-check-${randomUUID()}`);
    try {
      await writeFile(draft, "x", { mode: 0o600, flag: "wx" });
    } finally {
      await rm(draft, { force: true });
    }
    return undefined;
  } catch (error) {
    return `${dataDir} ${explain((error as NodeJS.ErrnoException).code ?? "unknown error")}`;
  }
}

function explain(code: string): string {
  if (code === "EACCES" || code === "EPERM")
    return "may not be written by the user that runs the service: give that user the folder (chown), or name another one";
  if (code === "EROFS") return "is on a read-only file system: mount a volume there, or name another folder";
  if (code === "ENOENT") return "cannot be created: the system creates no folder there; name another one";
  if (code === "ENOTDIR" || code === "EEXIST") return "leads through a file as if it were a folder: check the path";
  if (code === "ENOSPC" || code === "EDQUOT")
    return "is on a file system that is full: make room, or name another folder";
  return `cannot be written (${code}): name another folder`;
}
