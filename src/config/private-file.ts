import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Reads a file that only its owner may read, making it first where it is missing. It appears complete or not at all,
 * and all who make it at the same time read the same content: a server and the token command may both be the first.
 */
export async function readOrMakePrivateFile(file: string, make: () => Promise<string>): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const known = await readPrivateFile(file);
  if (known !== undefined) return known;
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, await make(), { mode: 0o600, flag: "wx", flush: true });
  await link(draft, file).catch(unless("EEXIST"));
  await rm(draft);
  return readFile(file, "utf8");
}

/** Undefined when there is none. An error names the file and says what stands in the way. */
export async function readPrivateFile(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(unless("ENOENT"));
}

/** The members of the JSON object in a file; undefined when it is damaged. Never an error, which would show a part of it. */
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
