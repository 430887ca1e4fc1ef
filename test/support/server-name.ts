/** The server name indication of a ClientHello (RFC 6066, 3); undefined for other bytes. */
export function serverName(bytes: Buffer): string | undefined {
  if (bytes[0] !== 0x16) return undefined;
  // Record and handshake headers, version and random; then session id, cipher suites and compression methods.
  let at = 5 + 4 + 2 + 32;
  at += 1 + bytes.readUInt8(at);
  at += 2 + bytes.readUInt16BE(at);
  at += 1 + bytes.readUInt8(at);
  const end = at + 2 + bytes.readUInt16BE(at);
  for (at += 2; at < end; at += 4 + bytes.readUInt16BE(at + 2)) {
    if (bytes.readUInt16BE(at) !== 0) continue;
    return bytes.subarray(at + 9, at + 9 + bytes.readUInt16BE(at + 7)).toString("latin1");
  }
  return "";
}
