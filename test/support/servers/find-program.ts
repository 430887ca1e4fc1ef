import { MissingProgram } from "../missing-program.ts";
import { findExecutable } from "./find-executable.ts";

/** The path of a server's program. Throws MissingProgram, which names the Debian package, when there is none. */
export function findProgram(name: string, debianPackage: string, morePlaces: readonly string[] = []): string {
  const path = findExecutable(name, morePlaces);
  if (path === undefined) {
    throw new MissingProgram(`${name} is not installed (Debian: apt-get install ${debianPackage})`);
  }
  return path;
}
