/** The bytes of a configuration's secrets by path. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/** Whose secrets they are, and where they may be sent. */
export interface SecretOwner {
  readonly organizationId: string;
  readonly profileId: string;
  /** SHA-256 of every field that decides where the secrets are sent. */
  readonly destination: Uint8Array;
}

/** A sealed secret of a profile. */
export interface StoredSecret {
  /** The field's path inside the configuration. */
  readonly path: string;
  /** The key-encryption key that version 0.1 has sealed it with. Null on all that were sealed since. */
  readonly keyId: string | null;
  /** The data key that it is sealed with. Null exactly when `keyId` is not. */
  readonly dataKeyId: string | null;
  readonly ciphertext: Uint8Array;
  /** 16 hexadecimal digits that tell two values of this field apart. A rotation of keys does not change them. */
  readonly fingerprint: string;
}
