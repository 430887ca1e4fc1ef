import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where Debian puts servers that are not on every user's PATH. */
const places = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of a program, or undefined where there is none. */
export function findExecutable(name: string, morePlaces: readonly string[] = []): string | undefined {
  return [...morePlaces, ...places].map((place) => join(place, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
