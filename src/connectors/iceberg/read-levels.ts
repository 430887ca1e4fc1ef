/** A namespace as the protocol writes it in paths and parameters, before they are encoded. */
export function joinLevels(levels: readonly string[]): string {
  return levels.join("\u001f");
}

/** The name of a namespace or table for people: its levels with dots between them; a dot inside of one is `%2E`. */
export function nameOfLevels(levels: readonly string[]): string {
  return levels.map((level) => level.replaceAll("%", "%25").replaceAll(".", "%2E")).join(".");
}

/** The levels of such a name. */
export function readLevels(name: string): readonly string[] {
  return name.split(".").map((level) => level.replaceAll("%2E", ".").replaceAll("%25", "%"));
}
