import { randomUUID } from "node:crypto";
import type { Knex } from "knex";
import { LRUCache } from "lru-cache";
import { type DataKey, makeDataKey, takeDataKey, unwrapDataKey, wrapDataKey } from "../crypto/wrap-data-key.ts";
import type { KeyRing } from "./key-ring.ts";
import { registerKey } from "./verify-keys.ts";

/** The columns of secret_data_key that unwrapping needs. */
export interface DataKeyRow {
  organization_id: string;
  id: string;
  key_encryption_key_id: string;
  wrapped: Buffer;
}

/** The reason why a data key is not available. */
export type KeyProblem = "DATA_KEY_MISSING" | "KEY_MISSING" | "DATA_KEY_ALTERED";

/** The data keys of all organizations. */
export interface DataKeys {
  /** Returns the organization's current key, created if there is none. It cannot be removed before the transaction ends. */
  current(trx: Knex.Transaction, organizationId: string): Promise<DataKey | KeyProblem>;
  /** Returns a key by its id. Reads it through the given connection when it is not cached. */
  find(knex: Knex, organizationId: string, id: string): Promise<DataKey | KeyProblem>;
  /** Returns the key of a row that was read already. */
  unwrap(row: DataKeyRow): Promise<DataKey | KeyProblem>;
}

/**
 * The cache of unwrapped data keys, because getting one takes a query and a decryption: 0.8 ms, where decrypting a secret takes
 * 0.02 ms, and live tests wait for it. Limited to 5 minutes, so that a removed key leaves the memory of a server that runs for
 * months, and to 1000 keys.
 */
const cached = { max: 1_000, ttl: 5 * 60_000, ttlAutopurge: true };

const columns = ["organization_id", "id", "key_encryption_key_id", "wrapped"] as const;

/** Returns the data keys, unwrapped with the keys of the ring. */
export function openDataKeys(keys: KeyRing): DataKeys {
  const cache = new LRUCache<string, DataKey>(cached);

  /** Ids are random, so an id identifies a data key permanently, however often it is wrapped again. */
  const unwrap = async (row: DataKeyRow): Promise<DataKey | KeyProblem> => {
    const name = `${row.id} ${row.organization_id}`;
    const known = cache.get(name);
    if (known !== undefined) return known;
    const kek = await keys.find(row.key_encryption_key_id);
    if (kek === undefined) return "KEY_MISSING";
    const bytes = unwrapDataKey(kek, { organizationId: row.organization_id, id: row.id }, row.wrapped);
    if (bytes === undefined) return "DATA_KEY_ALTERED";
    const dataKey = takeDataKey(row.id, bytes);
    cache.set(name, dataKey);
    return dataKey;
  };

  return {
    unwrap,
    current: async (trx, organizationId) => {
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const row = await lockCurrent(trx, organizationId);
        if (row !== undefined) return unwrap(row);
        await insertFirst(trx, organizationId, keys);
      }
      throw new Error(`the data key of organization ${organizationId} cannot be made`);
    },
    find: async (knex, organizationId, id) => {
      const known = cache.get(`${id} ${organizationId}`);
      if (known !== undefined) return known;
      const row = await knex<DataKeyRow>("secret_data_key")
        .where({ organization_id: organizationId, id })
        .first(...columns);
      return row === undefined ? "DATA_KEY_MISSING" : unwrap(row);
    },
  };
}

/**
 * FOR KEY SHARE blocks the removal of the row, but not the update that makes it a former key. It returns nothing when a
 * rotation has just made another key current: the next statement sees that one.
 */
async function lockCurrent(trx: Knex.Transaction, organizationId: string): Promise<DataKeyRow | undefined> {
  const { rows } = await trx.raw<{ rows: DataKeyRow[] }>(
    `select ${columns.join(", ")} from secret_data_key where organization_id = ? and is_current for key share`,
    [organizationId],
  );
  return rows[0];
}

/**
 * Inserts nothing when another transaction was first (by the unique index), or when the operator has just dropped the
 * key-encryption key: its row in secret_key_check is missing then, and the ring has a newer one.
 */
async function insertFirst(trx: Knex.Transaction, organizationId: string, keys: KeyRing): Promise<void> {
  const kek = await keys.current();
  const id = randomUUID();
  const bytes = makeDataKey();
  const wrapped = wrapDataKey(kek, { organizationId, id }, bytes);
  bytes.fill(0);
  const { rowCount } = await trx.raw<{ rowCount: number }>(
    `insert into secret_data_key (organization_id, id, key_encryption_key_id, wrapped, is_current, created_at)
     select ?, ?, key_encryption_key_id, ?, true, now() from secret_key_check where key_encryption_key_id = ?
     for key share on conflict do nothing`,
    [organizationId, id, wrapped, kek.id],
  );
  if (rowCount === 0) await registerKey(trx, kek);
}
