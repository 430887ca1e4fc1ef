/**
 * A PEM label, or the title of a key printed by `openssl pkey -text`. The label is matched from its end, which is found fast; a
 * match from its beginning could backtrack.
 */
const label = /(?<=(?:BEGIN|END)[A-Z0-9 ]{0,40})PRIVATE KEY|Private-Key:/i;
/** The base64 of a text that begins with `-----BEGIN`, on one line or several, to its last base64 character. */
const encoded = /LS0tLS1CRUdJTi[A-Za-z0-9+/\s]*/g;

/**
 * Returns true when a text holds a private key in PEM, complete or damaged, or printed: in plain text or base64, also after
 * certificates.
 */
export function containsPrivateKey(text: string): boolean {
  return label.test(text) || (text.match(encoded) ?? []).some((part) => label.test(atobLatin(part)));
}

function atobLatin(part: string): string {
  return Buffer.from(part, "base64").toString("latin1");
}
