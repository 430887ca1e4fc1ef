import { readFileSync, statSync } from "node:fs";

/** The maximum size of a file that a setting names, in bytes: the certificates of every authority of a system fit. */
const maxBytes = 1024 * 1024;

/**
 * Returns the text of a file that a setting names, or why there is none, to follow the name of the setting. Only a regular file
 * is read: reading a pipe or a device may never end.
 */
export function readSmallFile(path: string): { readonly text: string } | { readonly fault: string } {
  try {
    const found = statSync(path);
    if (found.isDirectory()) return { fault: `${path} is a folder: name a file in it` };
    if (!found.isFile()) return { fault: `${path} is no regular file: name one` };
    if (found.size > maxBytes) return { fault: `${path} is larger than ${maxBytes} bytes: it holds something else` };
    const text = readFileSync(path, "utf8");
    return text.trim() === "" ? { fault: `${path} is empty` } : { text };
  } catch (error) {
    return { fault: explainFileError(path, error) };
  }
}

/** Returns a sentence about a file that cannot be read: what is so, and what to do. */
export function explainFileError(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  if (code === "ENOENT") return `there is no file ${path}: check the path`;
  if (code === "ENOTDIR") return `${path} leads through a file as if it were a folder: check the path`;
  if (code === "EISDIR") return `${path} is a folder: name a file in it`;
  if (code === "EACCES" || code === "EPERM")
    return `${path} may not be read by the user that runs the service: change its owner or mode`;
  return `${path} cannot be read (${code})`;
}
