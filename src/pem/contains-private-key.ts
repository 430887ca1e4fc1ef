/**
 * A label, or the title under which `openssl pkey -text` prints the numbers of a key. The label is seen from its end: such an
 * end is found fast, and from a beginning there could be many ways to one.
 */
const label = /(?<=(?:BEGIN|END)[A-Z0-9 ]{0,40})PRIVATE KEY|Private-Key:/i;
/** The base64 of what begins with `-----BEGIN`, in one line or in several, as far as it goes. */
const encoded = /LS0tLS1CRUdJTi[A-Za-z0-9+/\s]*/g;

/** True when a text holds a private key in PEM, whole or spoilt, or printed: as it is or in base64, behind certificates too. */
export function containsPrivateKey(text: string): boolean {
  return label.test(text) || (text.match(encoded) ?? []).some((part) => label.test(atobLatin(part)));
}

function atobLatin(part: string): string {
  return Buffer.from(part, "base64").toString("latin1");
}
