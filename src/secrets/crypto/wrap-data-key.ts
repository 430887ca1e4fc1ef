import { type KeyObject, randomBytes } from "node:crypto";
import { joinParts, openBytes, sealBytes } from "./aes-gcm.ts";
import { deriveKey, type KeyEncryptionKey, takeKey } from "./derive-key.ts";

/**
 * What the secrets of one organization are sealed with. Its second key makes fingerprints and is handed on from each data
 * key of the organization to the next, so that a fingerprint says whether a value has changed, and a rotation is no change.
 */
export interface DataKey {
  readonly id: string;
  readonly encryption: KeyObject;
  readonly fingerprinting: KeyObject;
}

/** Which data key it is; a wrapped one cannot be passed off as another. */
export interface DataKeyContext {
  readonly organizationId: string;
  readonly id: string;
}

const purpose = "connectory data key wrapping v1";
const half = 32;

/** The bytes of a new data key: 32 that encrypt and 32 that make fingerprints, random or those of the key before it. */
export function makeDataKey(before?: Uint8Array): Buffer {
  return Buffer.concat([randomBytes(half), before?.subarray(half) ?? randomBytes(half)]);
}

/** The data key of these bytes, which are cleared. */
export function takeDataKey(id: string, bytes: Uint8Array): DataKey {
  return { id, encryption: takeKey(bytes.subarray(0, half)), fingerprinting: takeKey(bytes.subarray(half)) };
}

/** Encrypts a data key under a key-encryption key. */
export function wrapDataKey(kek: KeyEncryptionKey, place: DataKeyContext, bytes: Uint8Array): Buffer {
  return sealBytes(deriveKey(kek.key, purpose), contextOf(kek, place), bytes);
}

/** The bytes of a data key, which the caller clears. Undefined when the key-encryption key is another, or it was altered. */
export function unwrapDataKey(kek: KeyEncryptionKey, place: DataKeyContext, wrapped: Uint8Array): Buffer | undefined {
  const bytes = openBytes(deriveKey(kek.key, purpose), contextOf(kek, place), wrapped);
  return bytes?.length === 2 * half ? bytes : undefined;
}

function contextOf(kek: KeyEncryptionKey, { organizationId, id }: DataKeyContext): Buffer {
  return joinParts(organizationId, id, kek.id);
}
