import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** The key-encryption keys, 32 bytes each, by id. New secrets are sealed with the current one. */
export interface SecretKeys {
  readonly current: { readonly id: string; readonly key: Uint8Array };
  readonly all: ReadonlyMap<string, Uint8Array>;
}

/** The one place that a sealed secret belongs to; in any other it cannot be opened. */
export interface SecretPlace {
  readonly organizationId: string;
  readonly profileId: string;
  /** The field's path inside the configuration. */
  readonly path: string;
}

export interface SealedSecret {
  readonly keyId: string;
  /** 12 bytes nonce, the encrypted value, 16 bytes authentication tag. */
  readonly ciphertext: Uint8Array;
  /** 16 hexadecimal digits. Equal for equal values at the same place under the same key. */
  readonly fingerprint: string;
}

const nonceBytes = 12;
const tagBytes = 16;
const encryption = "connectory secret encryption v1";
const fingerprinting = "connectory secret fingerprint v1";

/**
 * Encrypts with AES-256-GCM under a random nonce. A random nonce of 96 bits is safe for 2^32 values per key
 * (NIST SP 800-38D, 8.3), far above what people type in.
 */
export function sealSecret({ current }: SecretKeys, place: SecretPlace, value: Uint8Array): SealedSecret {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", deriveKey(current.key, encryption), nonce);
  cipher.setAAD(encodePlace(place));
  const ciphertext = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  const mac = createHmac("sha256", deriveKey(current.key, fingerprinting)).update(encodePlace(place)).update(value);
  return { keyId: current.id, ciphertext, fingerprint: mac.digest("hex").slice(0, 16) };
}

/** Throws Failure SECRET_UNREADABLE when the key is gone, or the value was changed or belongs to another place. */
export function openSecret(
  keys: SecretKeys,
  place: SecretPlace,
  sealed: Omit<SealedSecret, "fingerprint">,
): Uint8Array {
  const key = keys.all.get(sealed.keyId);
  if (key === undefined) throw unreadable(place);
  const bytes = Buffer.from(sealed.ciphertext);
  try {
    const decipher = createDecipheriv("aes-256-gcm", deriveKey(key, encryption), bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(encodePlace(place));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw unreadable(place, cause);
  }
}

/** A key for one purpose, so that encryption and fingerprints never share one. */
function deriveKey(key: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, new Uint8Array(0), purpose, 32));
}

/** Each part behind its length, so that no two places have the same bytes. */
function encodePlace({ organizationId, profileId, path }: SecretPlace): Uint8Array {
  return Buffer.concat(
    [organizationId, profileId, path].flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

function unreadable({ path }: SecretPlace, cause?: unknown): Failure {
  const message = `the stored secret ${path} cannot be read with the server's keys: delete the profile and create it again`;
  return new Failure(ErrorReason.SECRET_UNREADABLE, message, { metadata: { path }, cause });
}
