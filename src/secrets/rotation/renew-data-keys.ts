import { randomUUID } from "node:crypto";
import type { Knex } from "knex";
import type { KeyEncryptionKey } from "../crypto/derive-key.ts";
import { makeDataKey, unwrapDataKey, wrapDataKey } from "../crypto/wrap-data-key.ts";
import type { DataKeyRow } from "../keys/data-keys.ts";
import type { Rotation } from "./rotation.ts";
import { createRotationProgress } from "./rotation-progress.ts";

/**
 * Creates a new current data key for every organization whose key is older than `began`. Returns their number. Existing secrets
 * keep the former key until `reencryptSecrets`; new ones use the new key.
 */
export async function renewDataKeys(options: Rotation, began: Date): Promise<number> {
  const total = await currentOlderThan(options.knex, began).count<{ count: bigint }[]>();
  const progress = createRotationProgress(options.print, "data keys made", Number(total[0]?.count ?? 0));
  const kek = await options.keys.current();
  let after: string | undefined = "";
  while (after !== undefined) {
    options.signal.throwIfAborted();
    const position: string = after;
    const rows = await options.knex.transaction((trx) => renewBatch(trx, options, kek, began, position));
    progress.add(rows.length);
    after = rows.at(-1)?.organization_id;
  }
  return progress.end();
}

function currentOlderThan(knex: Knex, began: Date) {
  return knex<DataKeyRow & { created_at: Date; is_current: boolean }>("secret_data_key")
    .where("is_current", true)
    .where("created_at", "<", began);
}

/** Skips rows that another rotation has locked: it renews them. */
async function renewBatch(
  trx: Knex.Transaction,
  { keys, unreadable, batch }: Rotation,
  kek: KeyEncryptionKey,
  began: Date,
  after: string,
): Promise<readonly DataKeyRow[]> {
  const rows = await currentOlderThan(trx, began)
    .where("organization_id", ">", after)
    .orderBy("organization_id")
    .limit(batch)
    .forNoKeyUpdate()
    .skipLocked()
    .select("organization_id", "id", "key_encryption_key_id", "wrapped");
  if (rows.length === 0) return rows;
  const fresh: { organizationId: string; id: string; wrapped: Buffer }[] = [];
  for (const row of rows) {
    const old = await keys.find(row.key_encryption_key_id);
    const before = old && unwrapDataKey(old, { organizationId: row.organization_id, id: row.id }, row.wrapped);
    if (before === undefined) unreadable.addDataKey(row, "a new one takes its place");
    const place = { organizationId: row.organization_id, id: randomUUID() };
    const bytes = makeDataKey(before);
    fresh.push({ ...place, wrapped: wrapDataKey(kek, place, bytes) });
    before?.fill(0);
    bytes.fill(0);
  }
  await replaceCurrent(trx, kek.id, rows, fresh);
  return rows;
}

async function replaceCurrent(
  trx: Knex.Transaction,
  kekId: string,
  rows: readonly DataKeyRow[],
  fresh: readonly { organizationId: string; id: string; wrapped: Buffer }[],
): Promise<void> {
  const organizations = rows.map((row) => row.organization_id);
  await trx("secret_data_key")
    .whereIn("organization_id", organizations)
    .where("is_current", true)
    .update({ is_current: false });
  await trx.raw(
    `insert into secret_data_key (organization_id, id, key_encryption_key_id, wrapped, is_current, created_at)
     select organization_id, id, ?, wrapped, true, now()
     from unnest(?::text[], ?::text[], ?::bytea[]) as n (organization_id, id, wrapped)`,
    [
      kekId,
      fresh.map(({ organizationId }) => organizationId),
      fresh.map(({ id }) => id),
      fresh.map(({ wrapped }) => wrapped),
    ] as Knex.RawBinding[],
  );
}
