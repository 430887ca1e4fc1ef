/** Writes a protobuf string field of less than 128 ASCII characters: tag, length, text. Returns where it ends. */
export function writeString(body: Buffer, at: number, field: number, text: string): number {
  const start = writeHead(body, at, field, text.length);
  return start + body.write(text, start, "latin1");
}

/** Writes tag and length, below 128, of what follows. Returns where they end. */
export function writeHead(body: Buffer, at: number, field: number, length: number): number {
  body[at] = (field << 3) | 2;
  body[at + 1] = length;
  return at + 2;
}
