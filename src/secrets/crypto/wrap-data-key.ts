import { type KeyObject, randomBytes } from "node:crypto";
import { joinParts, openBytes, sealBytes } from "./aes-gcm.ts";
import { deriveKey, type KeyEncryptionKey, takeKey } from "./derive-key.ts";

/**
 * The key that encrypts the secrets of one organization. Its second key makes fingerprints and is copied from each data key of
 * the organization to the next, so that fingerprints change with the value only and not with a rotation.
 */
export interface DataKey {
  readonly id: string;
  readonly encryption: KeyObject;
  readonly fingerprinting: KeyObject;
}

/** The identity of a data key; a wrapped key cannot be unwrapped under another identity. */
export interface DataKeyContext {
  readonly organizationId: string;
  readonly id: string;
}

const purpose = "connectory data key wrapping v1";
const half = 32;

/**
 * Returns the bytes of a new data key: 32 for encryption, random, and 32 for fingerprints, random or those of the previous key.
 */
export function makeDataKey(before?: Uint8Array): Buffer {
  return Buffer.concat([randomBytes(half), before?.subarray(half) ?? randomBytes(half)]);
}

/** Returns the data key of the given bytes, and clears them. */
export function takeDataKey(id: string, bytes: Uint8Array): DataKey {
  return { id, encryption: takeKey(bytes.subarray(0, half)), fingerprinting: takeKey(bytes.subarray(half)) };
}

/** Returns a data key encrypted under a key-encryption key. */
export function wrapDataKey(kek: KeyEncryptionKey, place: DataKeyContext, bytes: Uint8Array): Buffer {
  return sealBytes(deriveKey(kek.key, purpose), contextOf(kek, place), bytes);
}

/**
 * Returns the bytes of a data key, which the calling code must clear. Undefined for another key-encryption key, or altered
 * bytes.
 */
export function unwrapDataKey(kek: KeyEncryptionKey, place: DataKeyContext, wrapped: Uint8Array): Buffer | undefined {
  const bytes = openBytes(deriveKey(kek.key, purpose), contextOf(kek, place), wrapped);
  return bytes?.length === 2 * half ? bytes : undefined;
}

function contextOf(kek: KeyEncryptionKey, { organizationId, id }: DataKeyContext): Buffer {
  return joinParts(organizationId, id, kek.id);
}
