import { createCipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { Knex } from "knex";
import type { KeyEncryptionKey } from "../../src/secrets/crypto/derive-key.ts";
import type { SecretOwner } from "../../src/secrets/secret-store.ts";
import { insertProfile } from "./open-secret-store.ts";

/** Writes secrets as version 0.1 did, with its code: sealed with the key-encryption key, bound to no destination. */
export async function writeV1(
  knex: Knex,
  key: KeyEncryptionKey,
  who: SecretOwner,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  await insertProfile(knex, who);
  for (const [path, value] of Object.entries(values))
    await knex("connection_profile_secret").insert({
      organization_id: who.organizationId,
      profile_id: who.profileId,
      path,
      key_id: key.id,
      ...seal(key, encodePlace([who.organizationId, who.profileId, path]), Buffer.from(value)),
      updated_at: new Date(),
    });
}

function seal({ key }: KeyEncryptionKey, place: Uint8Array, value: Uint8Array) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", derive(key, "connectory secret encryption v1"), nonce);
  cipher.setAAD(place);
  const ciphertext = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  const mac = createHmac("sha256", derive(key, "connectory secret fingerprint v1")).update(place).update(value);
  return { ciphertext, fingerprint: mac.digest("hex").slice(0, 16) };
}

function derive(key: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, new Uint8Array(0), purpose, 32));
}

function encodePlace(parts: readonly string[]): Uint8Array {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
