/**
 * Returns a frame of RabbitMQ's stream protocol, version 1: a length of four bytes, a key and a version of two each, and the
 * content of the key. Numbers are big-endian; a text is its length in bytes (two bytes) and its UTF-8.
 */
export function encodeFrame(key: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat([encodeUint16(key), encodeUint16(1), ...parts]);
  return encodeBytes(content);
}

export function encodeUint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([encodeUint16(bytes.length), bytes]);
}

/** Returns bytes with a length prefix of four bytes. */
export function encodeBytes(bytes: Buffer): Buffer {
  return Buffer.concat([encodeUint32(bytes.length), bytes]);
}
