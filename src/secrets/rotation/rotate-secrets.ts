import type { Knex } from "knex";
import type { KeyRing } from "../keys/key-ring.ts";
import { registerKey } from "../keys/verify-keys.ts";
import { removeDataKeys } from "./remove-data-keys.ts";
import { renewDataKeys } from "./renew-data-keys.ts";
import { retireDataKeys } from "./retire-data-keys.ts";
import { rewrapDataKeys } from "./rewrap-data-keys.ts";
import { createUnreadableSet, type Rotation } from "./rotation.ts";

/** The result of a rotation, as numbers of keys and secrets. */
export interface RotationReport {
  readonly rewrapped: number;
  readonly renewed: number;
  readonly reencrypted: number;
  readonly removed: number;
  /** Data keys and secrets that could not be read. Each was printed. */
  readonly unreadable: number;
  /** Secrets and data keys that other transactions kept locked: a further run handles them. */
  readonly left: number;
}

/** The default number of rows per transaction, which holds their locks for 25 to 100 ms (10 000 secrets, two cores, fsync). */
const defaultBatch = 200;

/**
 * Wraps all data keys under the current key-encryption key. With `dataKeys` every organization also gets a new data key and its
 * secrets are encrypted again. Servers may run meanwhile. The rotation may be aborted at any time, and a second one may run
 * beside it: each continues from the state in the database. Throws an Error when a different key was registered under the
 * current key's id.
 */
export async function rotateSecrets(options: {
  readonly knex: Knex;
  readonly keys: KeyRing;
  readonly print: (line: string) => void;
  /** Also renew data keys and encrypt all secrets again. Default: false. */
  readonly dataKeys?: boolean;
  /** Aborts the rotation after the current batch. Default: none. */
  readonly signal?: AbortSignal;
  /** The number of rows per transaction. Default: 200. */
  readonly batch?: number;
}): Promise<RotationReport> {
  const { knex, keys, print, dataKeys = false, signal = new AbortController().signal, batch = defaultBatch } = options;
  const unreadable = createUnreadableSet(print);
  const rotation: Rotation = { knex, keys, print, signal, batch, unreadable };
  const kek = await keys.current();
  if (!(await registerKey(knex, kek))) throw new Error(`${kek.id}: another key of this name was in use before`);
  await removeDataKeys(rotation); // unused keys need not be readable
  const rewrapped = await rewrapDataKeys(rotation);
  if (!dataKeys) return { rewrapped, renewed: 0, reencrypted: 0, removed: 0, unreadable: unreadable.count, left: 0 };

  const began = await begin(knex);
  const renewed = await renewDataKeys(rotation, began);
  const { reencrypted, removed, left } = await retireDataKeys(rotation);
  if (left === 0) await knex("secret_rotation").where({ started_at: began }).delete();
  return { rewrapped, renewed, reencrypted, removed, unreadable: unreadable.count, left };
}

/** Returns the start of the unfinished rotation of data keys: this one, or one that was interrupted or runs elsewhere. */
async function begin(knex: Knex): Promise<Date> {
  await knex("secret_rotation")
    .insert({ started_at: knex.raw("date_trunc('milliseconds', clock_timestamp())") })
    .onConflict()
    .ignore();
  const row = await knex<{ started_at: Date }>("secret_rotation").first("started_at");
  return row?.started_at ?? begin(knex); // the other rotation has just ended
}

/** Returns true when a rotation of data keys was interrupted, or runs. */
export async function isRotating(knex: Knex): Promise<boolean> {
  return (await knex("secret_rotation").first("started_at")) !== undefined;
}
