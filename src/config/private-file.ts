import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.ts";

/**
 * Returns the content of a file that only its owner may read (mode 0600), created if missing. It is created atomically, and
 * processes that create it at the same time read the same content: a server and the token command may both be the first.
 */
export async function readOrMakePrivateFile(file: string, make: () => Promise<string>): Promise<string> {
  await makeFolder(dirname(file));
  const known = await readPrivateFile(file);
  if (known !== undefined) return known;
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, await make(), { mode: 0o600, flag: "wx", flush: true });
  await link(draft, file).catch(unless("EEXIST"));
  await rm(draft);
  return readFile(file, "utf8");
}

/** Returns the content; undefined when there is no file. Rejects with the file system's error, which names the file. */
export async function readPrivateFile(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(unless("ENOENT"));
}

/** Returns the JSON object of a text; undefined when it is damaged. Throws no error, which would contain a part of the text. */
export function readObject<T extends object>(text: string): Partial<T> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function unless(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error;
  };
}
