import type { Knex } from "knex";
import type { LocalKeyRing } from "../keys/local-key-ring.ts";

/** The id of the advisory lock of commands that change the local keys: arbitrary, not used by another program. */
const fileLock = 7_221_606_115;

/**
 * Runs `work` under the lock of the local keys: concurrent commands would drop each other's keys. Uses one pool connection
 * meanwhile; the lock is released when the process is killed.
 */
export async function withLocalKeys<T>(knex: Knex, work: () => Promise<T>): Promise<T> {
  return knex.transaction(async (trx) => {
    // No time limits: the transaction waits for another command, and is idle while `work` runs.
    await trx.raw("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0");
    await trx.raw("select pg_advisory_xact_lock(?)", [fileLock]);
    return work();
  });
}

/**
 * Removes the local keys that are not current and that no row needs. Returns their ids. First the row is deleted that every
 * wrapping with the key must refer to, then the key, so that no running server can start to use it in between.
 */
export async function dropLocalKeys(knex: Knex, ring: LocalKeyRing): Promise<readonly string[]> {
  const [, ...older] = await ring.list();
  const dropped: string[] = [];
  for (const { id } of older) if (await knex.transaction((trx) => release(trx, id))) dropped.push(id);
  if (dropped.length > 0) await ring.drop(dropped);
  return dropped;
}

/** Deletes the key's row. Returns false when a data key or secret needs the key. */
async function release(trx: Knex.Transaction, id: string): Promise<boolean> {
  await trx.raw("select from secret_key_check where key_encryption_key_id = ? for update", [id]);
  const { rows } = await trx.raw<{ rows: { needed: boolean }[] }>(
    `select exists (select from secret_data_key where key_encryption_key_id = ?)
         or exists (select from connection_profile_secret where key_id = ?) as needed`,
    [id, id],
  );
  if (rows[0]?.needed !== false) return false;
  await trx("secret_key_check").where({ key_encryption_key_id: id }).delete();
  return true;
}
