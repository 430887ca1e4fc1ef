import type { KeyEncryptionKey } from "../crypto/derive-key.ts";

/** The key-encryption keys of this server. */
export interface KeyRing {
  /** The source of the keys, for messages to the operator: `SECRET_KEYS`, or a file. */
  readonly source: string;
  /**
   * Returns the key that wraps new data keys. A ring in a file reads the file each time, so a running server uses a rotated
   * key.
   */
  current(): Promise<KeyEncryptionKey>;
  /** Returns a key by its id; undefined when the ring does not have it (any more). */
  find(id: string): Promise<KeyEncryptionKey | undefined>;
}

/** Returns the ring of SECRET_KEYS; its first key is current. */
export function fixedKeyRing(keys: readonly [KeyEncryptionKey, ...KeyEncryptionKey[]]): KeyRing {
  const byId = new Map(keys.map((key) => [key.id, key]));
  return { source: "SECRET_KEYS", current: async () => keys[0], find: async (id) => byId.get(id) };
}
