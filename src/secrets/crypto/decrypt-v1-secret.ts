import { joinParts, openBytes } from "./aes-gcm.ts";
import { deriveKey, type KeyEncryptionKey } from "./derive-key.ts";
import type { SecretContext } from "./encrypt-secret.ts";

/**
 * Decrypts a secret of version 0.1: encrypted with a key-encryption key itself, and bound to its field but to no destination.
 * `upgradeSecrets` encrypts it in the present format. Returns undefined for another key, or altered bytes.
 */
export function decryptV1Secret(
  { key }: KeyEncryptionKey,
  { organizationId, profileId, path }: Omit<SecretContext, "destination">,
  ciphertext: Uint8Array,
): Buffer | undefined {
  const encryption = deriveKey(key, "connectory secret encryption v1");
  return openBytes(encryption, joinParts(organizationId, profileId, path), ciphertext);
}
