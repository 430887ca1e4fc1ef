import { createHmac } from "node:crypto";
import { joinParts, openBytes, sealBytes } from "./aes-gcm.ts";
import type { DataKey } from "./wrap-data-key.ts";

/** The context that an encrypted secret is bound to; in any other it cannot be decrypted. */
export interface SecretContext {
  readonly organizationId: string;
  readonly profileId: string;
  /** The field's path inside the configuration. */
  readonly path: string;
  /** SHA-256 of the secret's destination. */
  readonly destination: Uint8Array;
}

/** The format: 1 byte of version, 32 bytes of destination, then the result of `sealBytes`. Version 1 had no version byte. */
const version = Uint8Array.of(2);
const headerBytes = 33;

/**
 * Returns the encrypted secret. It contains the destination unencrypted (the profile shows it anyway), so that a rotation does
 * not need the profile.
 */
export function encryptSecret(key: DataKey, place: SecretContext, value: Uint8Array): Buffer {
  if (place.destination.length !== headerBytes - 1) throw new Error("a destination is a SHA-256");
  return Buffer.concat([version, place.destination, sealBytes(key.encryption, contextOf(place), value)]);
}

/** Returns the decrypted secret; undefined for another key or context, or altered bytes. */
export function decryptSecret(key: DataKey, place: SecretContext, ciphertext: Uint8Array): Buffer | undefined {
  const header = Buffer.concat([version, place.destination]);
  if (!header.equals(ciphertext.subarray(0, headerBytes))) return undefined;
  return openBytes(key.encryption, contextOf(place), ciphertext.subarray(headerBytes));
}

/** Returns the destination in the header of an encrypted secret; authenticated only by a decryption with it. */
export function destinationFromHeader(ciphertext: Uint8Array): Uint8Array {
  return ciphertext.subarray(1, headerBytes);
}

/**
 * Returns 16 hexadecimal digits that are equal for equal values of the same field of the same profile, for as long as the field
 * exists.
 */
export function fingerprintSecret(
  key: DataKey,
  { profileId, path }: Omit<SecretContext, "destination">,
  value: Uint8Array,
): string {
  const mac = createHmac("sha256", key.fingerprinting).update(joinParts(profileId, path)).update(value);
  return mac.digest("hex").slice(0, 16);
}

function contextOf({ organizationId, profileId, path, destination }: SecretContext): Buffer {
  return joinParts(version, organizationId, profileId, path, destination);
}
