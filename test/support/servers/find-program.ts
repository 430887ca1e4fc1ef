import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Something that this machine lacks; tests that need it are skipped (see server-for-tests.ts). */
export class MissingProgram extends Error {}

/** Where Debian puts servers that are not on every user's PATH. */
const places = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of a server's program. Throws MissingProgram, which names the Debian package, when there is none. */
export function findProgram(name: string, debianPackage: string, morePlaces: readonly string[] = []): string {
  const path = [...morePlaces, ...places].map((place) => join(place, name)).find(isExecutable);
  if (path === undefined) {
    throw new MissingProgram(`${name} is not installed (Debian: apt-get install ${debianPackage})`);
  }
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
