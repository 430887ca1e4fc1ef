import { joinParts, openBytes } from "./aes-gcm.ts";
import { deriveKey, type KeyEncryptionKey } from "./derive-key.ts";
import type { SecretContext } from "./encrypt-secret.ts";

/**
 * Opens what version 0.1 has sealed: with a key-encryption key itself, and bound to its field but to no destination.
 * `upgradeSecrets` seals it again. Undefined when the key is another, or it was altered.
 */
export function decryptV1Secret(
  { key }: KeyEncryptionKey,
  { organizationId, profileId, path }: Omit<SecretContext, "destination">,
  ciphertext: Uint8Array,
): Buffer | undefined {
  const encryption = deriveKey(key, "connectory secret encryption v1");
  return openBytes(encryption, joinParts(organizationId, profileId, path), ciphertext);
}
