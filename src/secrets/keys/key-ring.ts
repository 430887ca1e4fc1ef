import type { KeyEncryptionKey } from "../crypto/derive-key.ts";

/** The key-encryption keys of this server. */
export interface KeyRing {
  /** Where they come from, for messages to the operator: `SECRET_KEYS`, or a file. */
  readonly source: string;
  /** The one that wraps from now on. A ring that lies in a file reads it again, so a rotation is seen by a running server. */
  current(): Promise<KeyEncryptionKey>;
  /** Any that unwraps. Undefined when the ring does not have it (any more). */
  find(id: string): Promise<KeyEncryptionKey | undefined>;
}

/** The keys of SECRET_KEYS; the first is current. */
export function fixedKeyRing(keys: readonly [KeyEncryptionKey, ...KeyEncryptionKey[]]): KeyRing {
  const byId = new Map(keys.map((key) => [key.id, key]));
  return { source: "SECRET_KEYS", current: async () => keys[0], find: async (id) => byId.get(id) };
}
