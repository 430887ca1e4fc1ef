import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts with AES-256-GCM under a random nonce. Returns 12 bytes of nonce, the encrypted value, 16 bytes of tag. `context` is
 * authenticated and not stored: decryption needs the same one. A random nonce of 96 bits is safe for 2^32 values per key (NIST
 * SP 800-38D, 8.3), far above the number of secrets that an organization writes between two rotations.
 */
export function sealBytes(key: KeyObject, context: Uint8Array, value: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(context);
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** Decrypts what `sealBytes` returned. Returns undefined for another key or context, or altered bytes. */
export function openBytes(key: KeyObject, context: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(context);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    return undefined; // the tag does not match: no other error is possible here
  }
}

/** Returns all parts, each preceded by its length (4 bytes), so that no two lists of parts have the same bytes. */
export function joinParts(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
