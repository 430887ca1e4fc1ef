import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The files of a folder that are replaced for a while, by name. */
export type Replacements = Readonly<Record<string, string>>;

/**
 * Puts other contents in the place of files, and keeps both versions in `aside` until restoreFiles. The copies are whole
 * before the first file changes, so an interruption at any moment loses nothing.
 */
export async function swapFiles(folder: string, aside: string, replacements: Replacements): Promise<void> {
  const fresh = `${aside}.new`;
  await rm(fresh, { recursive: true, force: true });
  for (const [name, text] of Object.entries(replacements)) {
    await write(join(fresh, "original", name), await readFile(join(folder, name), "utf8"));
    await write(join(fresh, "replacement", name), text);
  }
  await rename(fresh, aside);
  for (const [name, text] of Object.entries(replacements)) await write(join(folder, name), text);
}

/**
 * Puts back what swapFiles replaced; without that it does nothing. A file that somebody has changed or put back in the
 * meantime is left as it is.
 */
export async function restoreFiles(folder: string, aside: string, names: readonly string[]): Promise<void> {
  if (!existsSync(aside)) return;
  for (const name of names) {
    const [original, replacement] = await Promise.all([
      readFile(join(aside, "original", name), "utf8"),
      readFile(join(aside, "replacement", name), "utf8"),
    ]);
    if ((await readFile(join(folder, name), "utf8")) === replacement) await write(join(folder, name), original);
  }
  await rm(aside, { recursive: true });
}

/** All of it or nothing: a reader never sees half a file. */
async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.tmp`, text);
  await rename(`${file}.tmp`, file);
}
