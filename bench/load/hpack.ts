/** A header as it stands on the wire, compressed by HPACK (RFC 7541). */
export interface HeaderBlocks {
  /** Opens a connection's dynamic table with every header. */
  readonly first: Buffer;
  /** Names them all by their place in that table, for every later request with the same headers. */
  readonly later: Buffer;
}

const staticEntries = 61;

/** Encodes the same headers for the first and for every later request on a connection. Short of 4096 bytes in all. */
export function encodeHeaders(headers: readonly (readonly [string, string])[]): HeaderBlocks {
  const literals = headers.map(([name, value]) =>
    Buffer.concat([Buffer.of(0x40), encodeText(name), encodeText(value)]),
  );
  // The entry added last has the lowest place.
  const places = headers.map((_, index) => 0x80 | (staticEntries + headers.length - index));
  return { first: Buffer.concat(literals), later: Buffer.from(places) };
}

/** Decodes the headers of a peer that was told to keep no dynamic table; those of the static table are left out. */
export function decodeHeaders(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 0;

  const integer = (bits: number): number => {
    const mask = (1 << bits) - 1;
    let value = (block[at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = block[at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const text = (): string => {
    const coded = ((block[at] ?? 0) & 0x80) !== 0;
    const length = integer(7);
    const bytes = block.subarray(at, at + length);
    at += length;
    return coded ? decodeHuffman(bytes) : bytes.toString("latin1");
  };

  while (at < block.length) {
    const byte = block[at] ?? 0;
    if (byte >= 0x80) integer(7);
    else if (byte >> 5 === 1) integer(5);
    else {
      const place = integer(byte >= 0x40 ? 6 : 4);
      const name = place === 0 ? text() : `#${place}`;
      headers.set(name, text());
    }
  }
  return headers;
}

function encodeText(text: string): Buffer {
  const length: number[] = [];
  let rest = text.length;
  if (rest < 0x7f) length.push(rest);
  else {
    length.push(0x7f);
    for (rest -= 0x7f; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), Buffer.from(text, "latin1")]);
}

/** The characters of each code length in RFC 7541, appendix B, up to 15 bits: what status lines and names are made of. */
const symbols = new Map([
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
]);

/** The code is canonical: codes of one length are consecutive, and the next length goes on where the last ended. */
function decodeHuffman(bytes: Buffer): string {
  let text = "";
  let code = 0;
  let length = 0;
  let first = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      first <<= 1;
      length++;
      const known = symbols.get(length) ?? "";
      if (code - first < known.length) {
        text += known[code - first];
        code = length = first = 0;
      } else first += known.length;
    }
  }
  return text;
}
