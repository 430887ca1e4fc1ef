import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Creates a folder, and the folders above it, if they are missing. `mode` defaults to 0700: only the owner may enter. Rejects
 * with the file system's error.
 *
 * Not the recursive form of `mkdir`: below a folder in which the system creates nothing and answers ENOENT, such as /proc, that
 * one repeats its attempts for ever in a thread that nothing can stop, so that the process does not end either.
 */
export async function makeFolder(folder: string, mode = 0o700): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder && !(await isFolder(parent))) await makeFolder(parent, mode);
  await mkdir(folder, { mode }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST" || !(await isFolder(folder))) throw error; // another process may have created it
  });
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  return found?.isDirectory() ?? false;
}
