import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

/**
 * A key for one purpose (HKDF-SHA-256), so that no two uses of a key-encryption key share one. 7 µs.
 *
 * Keys are held as KeyObject: their bytes lie outside of JavaScript's heap, are cleared when the object goes, and neither
 * a log line nor JSON shows them. The buffers that they pass through are cleared here.
 */
export function deriveKey(key: Uint8Array, purpose: string): KeyObject {
  return takeKey(new Uint8Array(hkdfSync("sha256", key, new Uint8Array(0), purpose, 32)));
}

/** A KeyObject of these bytes, which are cleared. */
export function takeKey(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** A key-encryption key (KEK): 32 bytes under a name that is stored beside what it wraps. */
export interface KeyEncryptionKey {
  readonly id: string;
  readonly key: Uint8Array;
}
