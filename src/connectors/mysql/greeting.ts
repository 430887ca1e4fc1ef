import { notMysql } from "./translate-mysql-error.ts";

/** The size of the header of each message, in bytes: three of length, one of sequence number. */
export const headerLength = 4;
/** The maximum size of a greeting, in bytes. A greeting has about 100: a version, a random text and a name. */
export const maxGreeting = 1024;
/** The message type of an error that rejects the client. */
export const errorMark = 0xff;

const longPassword = 0x1;
export const tlsFlag = 0x800;
/** The capability MULTI_FACTOR_AUTHENTICATION, in the upper half of the bits. */
const manyFactors = 0x1000;

/** Returns true when the first bytes, at least five, are of a server's first message: a greeting or an error. */
export function isGreeting(bytes: Buffer): boolean {
  const type = bytes[headerLength];
  return bytes.readUIntLE(0, 3) <= maxGreeting && (type === 10 || type === errorMark);
}

/** Returns the lower half of the server's capability bits. */
export function abilitiesOf(greeting: Buffer): number {
  return greeting.readUInt16LE(abilitiesAt(greeting));
}

/**
 * Returns the greeting for the library after the TLS request replaced it in the sequence: with the sequence number of that
 * request, and without the capabilities for which the library would request more than the TLS request did. MariaDB uses the
 * capabilities sent before TLS, not those sent in it.
 */
export function greetingInTls(greeting: Buffer): Buffer {
  const copy = Buffer.from(greeting);
  const lower = abilitiesAt(copy);
  const upper = lower + 2 + charset + status;
  copy.writeUInt8(1, 3);
  copy.writeUInt16LE(copy.readUInt16LE(lower) | longPassword, lower);
  copy.writeUInt16LE(copy.readUInt16LE(upper) & ~manyFactors, upper);
  return copy;
}

const [connectionId, scramble, filler, charset, status] = [4, 8, 1, 1, 2];

function abilitiesAt(greeting: Buffer): number {
  const versionEnds = greeting.indexOf(0, headerLength + 1);
  const at = versionEnds + 1 + connectionId + scramble + filler;
  if (versionEnds < 0 || at + 2 + charset + status + 2 > greeting.length) throw notMysql();
  return at;
}
