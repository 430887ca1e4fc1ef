/** Two users as CreateConnection wants them. */
export interface OrderedPair {
  readonly userId1: string;
  readonly userId2: string;
}

/**
 * Puts two users in the order of the bytes of their ids in UTF-8, to be spread into a request. Throws RangeError when
 * they are the same: nobody connects with themselves.
 */
export function orderedPair(a: string, b: string): OrderedPair {
  if (a === b) throw new RangeError(`both users are "${a}": nobody connects with themselves`);
  return sortsBefore(a, b) ? { userId1: a, userId2: b } : { userId1: b, userId2: a };
}

/** Comparing strings compares UTF-16, which has another order than UTF-8 beyond the first 65 536 characters. */
function sortsBefore(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  for (const [index, byte] of left.entries()) {
    const other = right[index];
    if (byte !== other) return other !== undefined && byte < other;
  }
  return true;
}
