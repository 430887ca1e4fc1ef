/** The maximum length of a name for which similar ones are searched, in UTF-16 code units. */
const maxLength = 64;

/**
 * Returns the known name that is most similar to a given one: equal but for case, `_` and `-`, one of the names that `aliases` gives
 * it (default: none), or at most a third of its characters away; undefined when there is none.
 */
export function mostSimilar(
  given: string,
  known: readonly string[],
  aliases: Readonly<Record<string, string>> = {},
): string | undefined {
  if (given.length > maxLength) return undefined;
  const plain = plainOf(given);
  const alias = Object.hasOwn(aliases, plain) ? aliases[plain] : undefined;
  if (alias !== undefined && known.includes(alias)) return alias;
  const most = Math.max(1, Math.floor(plain.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(plain, plainOf(name), most);
    if (distance <= most && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** Returns `: did you mean kafka?`, or an empty text when no known name is similar. */
export function didYouMean(
  given: string,
  known: readonly string[],
  aliases?: Readonly<Record<string, string>>,
): string {
  const similar = mostSimilar(given, known, aliases);
  return similar === undefined || similar === given ? "" : `: did you mean ${similar}?`;
}

function plainOf(name: string): string {
  return name.toLowerCase().replace(/[_\s-]/g, "");
}

/** Returns the number of insertions, deletions, replacements and swaps of neighbours between two texts, or more than `most`. */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let least = Math.min(
        (above[column] ?? 0) + 1,
        (now[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, (before[column - 2] ?? 0) + 1);
      now.push(least);
    }
    before = above;
    above = now;
  }
  return above[b.length] ?? 0;
}
