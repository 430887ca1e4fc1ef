import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import { openDataKeys } from "../keys/data-keys.ts";
import { reencryptSecrets } from "./reencrypt-secrets.ts";
import { removeDataKeys } from "./remove-data-keys.ts";
import type { Rotation } from "./rotation.ts";
import { createRotationProgress } from "./rotation-progress.ts";

/** The number of passes over rows that other transactions had locked, and the pause between two passes, in milliseconds. */
const maxPasses = 40;
const pauseMs = 250;

/**
 * Encrypts the secrets under former data keys again and removes these keys, except those of unreadable secrets. Ends when
 * nothing is left, or after 10 s of pauses for locked rows; their number is `left`.
 */
export async function retireDataKeys(
  options: Rotation,
): Promise<{ reencrypted: number; removed: number; left: number }> {
  const progress = createRotationProgress(
    options.print,
    "secrets encrypted again",
    (await countFormer(options.knex)).secrets,
  );
  const dataKeys = openDataKeys(options.keys);
  let removed = 0;
  for (let pass = 0; ; pass += 1) {
    const broken = await reencryptSecrets(options, dataKeys, progress.add);
    removed += await removeDataKeys(options);
    const { secrets, idleKeys } = await countFormer(options.knex);
    const left = Math.max(secrets - broken, 0) + idleKeys;
    if (left === 0 || pass === maxPasses) {
      const reencrypted = progress.end();
      options.print(`former data keys removed: ${removed}`);
      return { reencrypted, removed, left };
    }
    await sleep(pauseMs, undefined, { signal: options.signal });
  }
}

/**
 * Returns the number of secrets under former data keys, and of former data keys without secrets: a key that is still locked by
 * a transaction that encrypts with it.
 */
async function countFormer(knex: Knex): Promise<{ secrets: number; idleKeys: number }> {
  const { rows } = await knex.raw<{ rows: { secrets: bigint; idle_keys: bigint }[] }>(
    `select count(s.path) as secrets, count(*) filter (where s.path is null) as idle_keys
     from secret_data_key k left join connection_profile_secret s
       on s.organization_id = k.organization_id and s.data_key_id = k.id
     where not k.is_current`,
  );
  return { secrets: Number(rows[0]?.secrets ?? 0), idleKeys: Number(rows[0]?.idle_keys ?? 0) };
}
