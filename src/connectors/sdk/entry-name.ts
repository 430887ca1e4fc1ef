/** An entry of a list of addresses that may be shown: it holds no user, password or path. */
const showable = /^[A-Za-z0-9._:[\]-]{1,300}$/;

/**
 * Returns the name of an entry of a comma separated list for a violation, such as `entry 7 of 20 (b..c:9092)`. The text of an
 * entry that may hold a secret is left out.
 */
export function entryName(entries: readonly string[], index: number): string {
  const entry = entries[index] ?? "";
  const text = showable.test(entry) ? ` (${entry})` : "";
  return entries.length === 1 ? `the entry${text}` : `entry ${index + 1} of ${entries.length}${text}`;
}
