import { deriveKey } from "./derive-key.ts";
import type { KeyEncryptionKey } from "./key-ring.ts";
import { joinParts, openBytes } from "./seal-bytes.ts";
import type { SecretPlace } from "./seal-secret.ts";

/**
 * Opens what version 0.1 has sealed: with a key-encryption key itself, and bound to its field but to no destination.
 * `upgradeSecrets` seals it anew. Undefined when the key is another, or it was altered.
 */
export function openV1Secret(
  { key }: KeyEncryptionKey,
  { organizationId, profileId, path }: Omit<SecretPlace, "destination">,
  ciphertext: Uint8Array,
): Buffer | undefined {
  const encryption = deriveKey(key, "connectory secret encryption v1");
  return openBytes(encryption, joinParts(organizationId, profileId, path), ciphertext);
}
