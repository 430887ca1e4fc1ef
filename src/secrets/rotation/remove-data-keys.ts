import type { Knex } from "knex";
import type { Rotation } from "./rotation.ts";

/**
 * Removes former data keys that no secret needs. Returns their number. A locked key is in use by a transaction that encrypts
 * with it and is left for the next pass. After the lock no other transaction can start to use the key, so the second statement
 * sees all uses.
 */
export async function removeDataKeys({ knex, signal, batch }: Rotation): Promise<number> {
  let removed = 0;
  let after: readonly string[] | undefined = ["", ""];
  while (after !== undefined) {
    signal.throwIfAborted();
    const position: readonly string[] = after;
    const done = await knex.transaction((trx) => removeBatch(trx, position, batch));
    removed += done.removed;
    after = done.last;
  }
  return removed;
}

async function removeBatch(trx: Knex.Transaction, after: readonly string[], batch: number) {
  const { rows } = await trx.raw<{ rows: { organization_id: string; id: string }[] }>(
    `select organization_id, id from secret_data_key where not is_current and (organization_id, id) > (?, ?)
     order by organization_id, id limit ? for update skip locked`,
    [...after, batch],
  );
  const last = rows.at(-1);
  if (last === undefined) return { removed: 0, last: undefined };
  const { rowCount } = await trx.raw<{ rowCount: number }>(
    `delete from secret_data_key k using unnest(?::text[], ?::text[]) as n (organization_id, id)
     where k.organization_id = n.organization_id and k.id = n.id and not exists (
       select from connection_profile_secret s where s.organization_id = k.organization_id and s.data_key_id = k.id)`,
    [rows.map((row) => row.organization_id), rows.map((row) => row.id)] as unknown as Knex.RawBinding[],
  );
  return { removed: rowCount, last: [last.organization_id, last.id] };
}
