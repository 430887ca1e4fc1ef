import type { Knex } from "knex";
import type { KeyEncryptionKey } from "../crypto/derive-key.ts";
import { unwrapDataKey, wrapDataKey } from "../crypto/wrap-data-key.ts";
import type { DataKeyRow } from "../keys/data-keys.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Rotation } from "./rotation.ts";
import { createRotationProgress } from "./rotation-progress.ts";

/**
 * Wraps every data key that is under another key-encryption key with the current one. Returns their number. Secrets and data
 * keys stay unchanged, so readers are not affected. A key that was wrapped by another process meanwhile is skipped, so
 * concurrent runs are safe.
 */
export async function rewrapDataKeys(options: Rotation): Promise<number> {
  const kek = await options.keys.current();
  const progress = createRotationProgress(
    options.print,
    "data keys re-wrapped",
    await countOthers(options.knex, kek.id),
  );
  let done: number;
  do {
    done = 0; // a server that has not read the new key yet may add data keys under the old one: repeat
    for (const old of await otherKeys(options.knex, kek.id)) done += await rewrapFrom(options, old, kek, progress.add);
  } while (done > 0);
  return progress.end();
}

/** Returns the number of data keys that are not under this key-encryption key. */
export async function countOthers(knex: Knex, kekId: string): Promise<number> {
  const { rows } = await knex.raw<{ rows: { count: bigint }[] }>(
    "select count(*) from secret_data_key where key_encryption_key_id <> ?",
    [kekId],
  );
  return Number(rows[0]?.count ?? 0);
}

async function otherKeys(knex: Knex, kekId: string): Promise<string[]> {
  return knex("secret_key_check").whereNot({ key_encryption_key_id: kekId }).pluck("key_encryption_key_id");
}

async function rewrapFrom(
  { knex, keys, signal, batch, unreadable }: Rotation,
  old: string,
  kek: KeyEncryptionKey,
  count: (done: number) => void,
): Promise<number> {
  let total = 0;
  let last: DataKeyRow | undefined;
  do {
    signal.throwIfAborted();
    const rows: DataKeyRow[] = await nextDataKeys(knex, old, last, batch);
    const wrapped = await Promise.all(rows.map((row) => rewrap(keys, row, kek)));
    const good = rows.flatMap((row, index) => {
      const rewrapped = wrapped[index];
      if (Buffer.isBuffer(rewrapped)) return [{ row, rewrapped }];
      unreadable.addDataKey(row, rewrapped ?? "");
      return [];
    });
    const done = await replaceWrapped(knex, good, kek.id);
    for (const row of rows.filter((_, index) => !Buffer.isBuffer(wrapped[index])))
      for (const secret of await secretsUnder(knex, row)) unreadable.addSecret(secret, "its data key cannot be read");
    count(done);
    total += done;
    last = rows.at(-1);
  } while (last !== undefined);
  return total;
}

async function rewrap(keys: KeyRing, row: DataKeyRow, kek: KeyEncryptionKey): Promise<Buffer | string> {
  const place = { organizationId: row.organization_id, id: row.id };
  const old = await keys.find(row.key_encryption_key_id);
  if (old === undefined) return `the key ${row.key_encryption_key_id} is not in ${keys.source}`;
  const bytes = unwrapDataKey(old, place, row.wrapped);
  if (bytes === undefined) return `it was altered since ${old.id} has wrapped it`;
  const wrapped = wrapDataKey(kek, place, bytes);
  bytes.fill(0);
  return wrapped;
}

async function nextDataKeys(knex: Knex, old: string, last: DataKeyRow | undefined, batch: number) {
  const { rows } = await knex.raw<{ rows: DataKeyRow[] }>(
    `select organization_id, id, key_encryption_key_id, wrapped from secret_data_key
     where key_encryption_key_id = ? and (organization_id, id) > (?, ?) order by organization_id, id limit ?`,
    [old, last?.organization_id ?? "", last?.id ?? "", batch],
  );
  return rows;
}

/** Compare and set: updates only rows whose wrapped key is unchanged since it was read. */
async function replaceWrapped(
  knex: Knex,
  good: readonly { row: DataKeyRow; rewrapped: Buffer }[],
  kekId: string,
): Promise<number> {
  if (good.length === 0) return 0;
  const { rowCount } = await knex.raw<{ rowCount: number }>(
    `update secret_data_key k set wrapped = n.rewrapped, key_encryption_key_id = ?
     from (select * from unnest(?::text[], ?::text[], ?::bytea[], ?::bytea[]) as n (organization_id, id, old, rewrapped)) n
     where k.organization_id = n.organization_id and k.id = n.id and k.wrapped = n.old`,
    [
      kekId,
      good.map(({ row }) => row.organization_id),
      good.map(({ row }) => row.id),
      good.map(({ row }) => row.wrapped),
      good.map(({ rewrapped }) => rewrapped),
    ] as Knex.RawBinding[],
  );
  return rowCount;
}

async function secretsUnder(knex: Knex, { organization_id, id }: DataKeyRow) {
  return knex("connection_profile_secret")
    .where({ organization_id, data_key_id: id })
    .select("organization_id", "profile_id", "path");
}
