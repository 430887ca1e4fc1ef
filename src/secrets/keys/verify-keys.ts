import type { Knex } from "knex";
import { joinParts, openBytes, sealBytes } from "../crypto/aes-gcm.ts";
import { decryptV1Secret } from "../crypto/decrypt-v1-secret.ts";
import { deriveKey, type KeyEncryptionKey } from "../crypto/derive-key.ts";
import type { KeyRing } from "./key-ring.ts";

interface CheckRow {
  key_encryption_key_id: string;
  sealed: Buffer;
  /** True when a data key is wrapped with it, or a secret of version 0.1 encrypted. */
  in_use: boolean;
}

interface V1Row {
  organization_id: string;
  profile_id: string;
  path: string;
  ciphertext: Buffer;
}

const purpose = "connectory key check v1";
const knownText = Buffer.from("connectory");

/**
 * The number of secrets of version 0.1 that are decrypted to verify a key: a single damaged one does not mean that the key is
 * wrong.
 */
const sampleSize = 20;

/** The database, and the keys to verify against it. */
interface Checked {
  readonly knex: Knex;
  readonly keys: KeyRing;
}

/**
 * Verifies that the ring has every key-encryption key that stored data needs, and that each is the right one; then registers
 * the current one, so that another key under its id is detected later. Throws an Error with a line for each missing or wrong
 * key, before anything is written.
 */
export async function verifyKeys({ knex, keys }: Checked): Promise<void> {
  const problems = await findProblems({ knex, keys });
  if (problems.length > 0) throw refusal(problems);
  const current = await keys.current(); // created now, if the ring has none yet
  if (!(await registerKey(knex, current))) throw refusal([wrong(current.id, keys)]);
}

/**
 * Verifies the keys before the migration of the database; reads only. A database that is older than the tables of keys, or
 * empty, is verified after its migration. Throws as `verifyKeys` does.
 */
export async function verifyKeysBeforeMigration({ knex, keys }: Checked): Promise<void> {
  const { rows } = await knex.raw<{ rows: { ready: boolean }[] }>(
    `select to_regclass('secret_key_check') is not null and to_regclass('secret_data_key') is not null
       and to_regclass('connection_profile_secret') is not null as ready`,
  );
  if (rows[0]?.ready !== true) return;
  const problems = await findProblems({ knex, keys });
  if (problems.length > 0) throw refusal(problems);
}

function refusal(problems: readonly string[]): Error {
  return new Error(["The secret keys are not right:", ...problems].join("\n  - "));
}

async function findProblems({ knex, keys }: Checked): Promise<string[]> {
  const problems: string[] = [];
  for (const { key_encryption_key_id: id, sealed, in_use } of await readKeyChecks(knex)) {
    const key = await keys.find(id);
    if (key === undefined && in_use) problems.push(missing(id, keys));
    if (key !== undefined && !fits(key, sealed)) problems.push(wrong(id, keys));
  }
  for (const id of await uncheckedV1Keys(knex)) {
    const key = await keys.find(id);
    if (key === undefined) problems.push(missing(id, keys));
    else if (!(await opensSome(knex, key))) problems.push(wrong(id, keys));
  }
  return problems;
}

/**
 * Registers a key-encryption key with a known text encrypted with it. Returns false when a different key is registered under
 * its id.
 */
export async function registerKey(knex: Knex, key: KeyEncryptionKey): Promise<boolean> {
  await knex("secret_key_check")
    .insert({ key_encryption_key_id: key.id, sealed: sealCheck(key), created_at: knex.fn.now() })
    .onConflict()
    .ignore();
  const row = await knex<CheckRow>("secret_key_check").where({ key_encryption_key_id: key.id }).first("sealed");
  return row === undefined || fits(key, row.sealed);
}

/** Returns true when a server has started with the key as its current one before. */
export async function isRegistered(knex: Knex, id: string): Promise<boolean> {
  return (
    (await knex("secret_key_check").where({ key_encryption_key_id: id }).first("key_encryption_key_id")) !== undefined
  );
}

function sealCheck({ id, key }: KeyEncryptionKey): Buffer {
  return sealBytes(deriveKey(key, purpose), joinParts(id), knownText);
}

function fits({ id, key }: KeyEncryptionKey, sealed: Uint8Array): boolean {
  return openBytes(deriveKey(key, purpose), joinParts(id), sealed)?.equals(knownText) === true;
}

/** Returns all registered keys. */
export async function readKeyChecks(knex: Knex): Promise<CheckRow[]> {
  const { rows } = await knex.raw<{ rows: CheckRow[] }>(`
    select key_encryption_key_id, sealed,
      exists (select from secret_data_key k where k.key_encryption_key_id = c.key_encryption_key_id)
      or exists (select from connection_profile_secret s where s.key_id = c.key_encryption_key_id) as in_use
    from secret_key_check c order by created_at, key_encryption_key_id`);
  return rows;
}

/** Returns the ids of keys that only version 0.1 has used, which registered no known text. */
async function uncheckedV1Keys(knex: Knex): Promise<string[]> {
  const { rows } = await knex.raw<{ rows: { key_id: string }[] }>(`
    select distinct key_id from connection_profile_secret s
    where key_id is not null and not exists (select from secret_key_check where key_encryption_key_id = s.key_id)
    order by key_id`);
  return rows.map(({ key_id }) => key_id);
}

async function opensSome(knex: Knex, key: KeyEncryptionKey): Promise<boolean> {
  const { rows } = await knex.raw<{ rows: V1Row[] }>(
    `select organization_id, profile_id, path, ciphertext from connection_profile_secret where key_id = ? limit ${sampleSize}`,
    [key.id],
  );
  return rows.some(({ organization_id: organizationId, profile_id: profileId, path, ciphertext }) => {
    const opened = decryptV1Secret(key, { organizationId, profileId, path }, ciphertext);
    return opened !== undefined;
  });
}

function missing(id: string, { source }: KeyRing): string {
  return `${id}: stored secrets need this key, and it is not in ${source}: put it back there; it need not be the current one`;
}

function wrong(id: string, { source }: KeyRing): string {
  return `${id}: the key of this name in ${source} is not the one that stored secrets were encrypted with: put the old one back, and give a new key a new name`;
}
