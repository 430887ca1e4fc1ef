/** One value in DER: its tag, and the bytes of its content. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The DER tags in use. */
export const derTag = { integer: 0x02, objectId: 0x06, sequence: 0x30, context0: 0xa0 } as const;

/**
 * Returns the first values of a DER sequence, at most `count`; undefined when the bytes are not DER. Nested values are not
 * parsed, so the cost does not depend on the content.
 */
export function readDer(bytes: Uint8Array, count: number): readonly DerValue[] | undefined {
  const found: DerValue[] = [];
  for (let at = 0; at < bytes.length && found.length < count; ) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1];
    // Neither keys nor certificates have tags of several bytes. The low 7 bits of the first length byte are the number of
    // further ones.
    if ((tag & 0x1f) === 0x1f || first === undefined || first === 0x80 || first > 0x84) return undefined;
    const extra = first < 0x80 ? 0 : first - 0x80;
    const start = at + 2 + extra;
    const length = extra === 0 ? first : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (start + length > bytes.length) return undefined;
    found.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

/** Returns the values, at most `count`, inside the DER sequence that the bytes are; undefined when they are not one. */
export function readSequence(bytes: Uint8Array, count: number): readonly DerValue[] | undefined {
  const [whole] = readDer(bytes, 1) ?? [];
  return whole?.tag === derTag.sequence ? readDer(whole.content, count) : undefined;
}
