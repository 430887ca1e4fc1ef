import { notMysql } from "./translate-mysql-error.ts";

/** In front of every message: three bytes of length, one of sequence. */
export const headerLength = 4;
/** A greeting is about 100 bytes: a version, a random text and a name. */
export const maxGreeting = 1024;
/** The type of a message that says why the server takes no client. */
export const errorMark = 0xff;

const longPassword = 0x1;
export const tlsFlag = 0x800;
/** The upper half of MULTI_FACTOR_AUTHENTICATION. */
const manyFactors = 0x1000;

/** Whether the first bytes, at least five, are of a server's first message: its greeting, or why it takes no client. */
export function isGreeting(bytes: Buffer): boolean {
  const type = bytes[headerLength];
  return bytes.readUIntLE(0, 3) <= maxGreeting && (type === 10 || type === errorMark);
}

/** What the server can do, as bits: the lower half of them. */
export function abilitiesOf(greeting: Buffer): number {
  return greeting.readUInt16LE(abilitiesAt(greeting));
}

/**
 * The greeting as the library gets it when the request for TLS has been sent in its place: with the number of that
 * message, and without what would make the library ask for more than was asked for there. MariaDB counts what was said
 * before TLS, not what is said in it.
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
