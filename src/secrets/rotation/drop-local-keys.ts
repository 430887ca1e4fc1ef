import type { Knex } from "knex";
import type { LocalKeyRing } from "../keys/local-key-ring.ts";

/** What two commands that change the local keys wait for each other on: any number no other program uses. */
const fileLock = 7_221_606_115;

/**
 * Runs something that changes the local keys, alone: two would drop each other's. Takes a connection of its own while it does,
 * and the lock goes with it when the process is killed.
 */
export async function withLocalKeys<T>(knex: Knex, work: () => Promise<T>): Promise<T> {
  return knex.transaction(async (trx) => {
    // It waits for another command, and does nothing while its own works, for as long as that takes.
    await trx.raw("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0");
    await trx.raw("select pg_advisory_xact_lock(?)", [fileLock]);
    return work();
  });
}

/**
 * Removes the local keys that are not current and that nothing in the database needs, and answers with their ids. First the
 * row that whatever wraps with a key must refer to, then the key: so a server that runs cannot take it into use in between.
 */
export async function dropLocalKeys(knex: Knex, ring: LocalKeyRing): Promise<readonly string[]> {
  const [, ...older] = await ring.list();
  const dropped: string[] = [];
  for (const { id } of older) if (await knex.transaction((trx) => release(trx, id))) dropped.push(id);
  if (dropped.length > 0) await ring.drop(dropped);
  return dropped;
}

/** True when nothing needs the key, and nothing ever will. */
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
