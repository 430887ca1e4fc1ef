import type { Knex } from "knex";
import { pino } from "pino";
import type { KeyEncryptionKey } from "../../src/secrets/crypto/derive-key.ts";
import { fixedKeyRing, type KeyRing } from "../../src/secrets/keys/key-ring.ts";
import { verifyKeys } from "../../src/secrets/keys/verify-keys.ts";
import {
  openSecretStore,
  type SecretOwner,
  type SecretStore,
  type StoredSecret,
} from "../../src/secrets/secret-store.ts";
import { createTestDatabase } from "../support/postgres.ts";

export const silent = pino({ level: "silent" });

/** A key-encryption key that is the same for the same name, unless it is a `fake` one. */
export function kek(id: string, fake = false): KeyEncryptionKey {
  return { id, key: Buffer.alloc(32, `${id}${fake ? " fake" : ""}`) };
}

export function ring(first: string, ...others: string[]): KeyRing {
  return fixedKeyRing([kek(first), ...others.map((id) => kek(id))]);
}

export function owner(organizationId: string, profileId: string, destination = 1): SecretOwner {
  return { organizationId, profileId, destination: Buffer.alloc(32, destination) };
}

export const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? "").toString();
export const secretsOf = (values: Readonly<Record<string, string>>) =>
  new Map(Object.entries(values).map(([path, value]) => [path, Buffer.from(value)]));

/** Writes a profile (when it is missing) and its secrets the way the service does. */
export async function write(
  knex: Knex,
  secretStore: SecretStore,
  who: SecretOwner,
  values: Readonly<Record<string, string>>,
): Promise<readonly StoredSecret[]> {
  return knex.transaction(async (trx) => {
    await insertProfile(trx, who);
    const sealed = await secretStore.seal(trx, who, secretsOf(values));
    const rows = sealed.map(({ path, keyId, dataKeyId, ciphertext, fingerprint }) => ({
      organization_id: who.organizationId,
      profile_id: who.profileId,
      path,
      key_id: keyId,
      data_key_id: dataKeyId,
      ciphertext: Buffer.from(ciphertext),
      fingerprint,
      updated_at: new Date(),
    }));
    await trx("connection_profile_secret").insert(rows).onConflict(["organization_id", "profile_id", "path"]).merge();
    return sealed;
  });
}

export async function insertProfile(knex: Knex, { organizationId, profileId }: SecretOwner): Promise<void> {
  const now = new Date();
  await knex("connection_profile")
    .insert({
      organization_id: organizationId,
      id: profileId,
      name: profileId,
      connector: "postgres",
      config: "{}",
      description: "",
      etag: "",
      revision: 1,
      created_at: now,
      updated_at: now,
      created_by: "ann",
      updated_by: "ann",
    })
    .onConflict(["organization_id", "id"])
    .ignore();
}

/** The stored secrets of a profile in the order of their paths. */
export async function read(knex: Knex, { organizationId, profileId }: SecretOwner): Promise<readonly StoredSecret[]> {
  const rows = await knex("connection_profile_secret")
    .where({ organization_id: organizationId, profile_id: profileId })
    .orderBy("path");
  return rows.map(({ path, key_id, data_key_id, ciphertext, fingerprint }) => ({
    path,
    keyId: key_id,
    dataKeyId: data_key_id,
    ciphertext,
    fingerprint,
  }));
}

/** A database whose keys were checked, as after a start. */
export async function openStore(keys: KeyRing = ring("k1")) {
  const database = await createTestDatabase();
  await verifyKeys({ knex: database.knex, keys });
  const vaultWith = (other: KeyRing = keys, knex: Knex = database.knex) =>
    openSecretStore({ knex, keys: other, log: silent });
  return { ...database, keys, vaultWith };
}
