/** Two user ids in the order that CreateConnection requires. */
export interface OrderedPair {
  readonly userId1: string;
  readonly userId2: string;
}

/**
 * Returns two user ids in the order of their UTF-8 bytes, to be spread into a request. Throws RangeError when they are equal.
 */
export function orderedPair(a: string, b: string): OrderedPair {
  if (a === b) throw new RangeError(`both users are "${a}": nobody connects with themselves`);
  return sortsBefore(a, b) ? { userId1: a, userId2: b } : { userId1: b, userId2: a };
}

/** JavaScript compares strings as UTF-16, whose order differs from that of UTF-8 beyond the first 65 536 characters. */
function sortsBefore(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  for (const [index, byte] of left.entries()) {
    const other = right[index];
    if (byte !== other) return other !== undefined && byte < other;
  }
  return true;
}
