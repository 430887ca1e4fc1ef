import { parseArgs } from "node:util";
import type { Knex } from "knex";
import type { KeyRing } from "../keys/key-ring.ts";
import type { LocalKeyRing } from "../keys/local-key-ring.ts";
import { isRegistered, readKeyChecks, verifyKeys } from "../keys/verify-keys.ts";
import { dropLocalKeys, withLocalKeys } from "./drop-local-keys.ts";
import { countOthers } from "./rewrap-data-keys.ts";
import { isRotating, type RotationReport, rotateSecrets } from "./rotate-secrets.ts";

const usage = `usage: npm run secrets:rotate -- [--data-keys] [--new-key | --no-new-key] [--drop-old]
  Wraps the data keys of all organizations under the current key. Servers may run; it may be ended and run again.
  --data-keys    also give every organization a new data key and encrypt its secrets again
  --new-key      without SECRET_KEYS: make a new key in DATA_DIR first (the default, unless a rotation is unfinished)
  --drop-old     without SECRET_KEYS: remove the keys in DATA_DIR that nothing needs any more`;

/** Dependencies and arguments of the command. `knex` needs a pool of at least two connections. */
export interface RotationCommand {
  readonly knex: Knex;
  /** Only a local ring can get a new key. */
  readonly keys: KeyRing | LocalKeyRing;
  /** The command line arguments. */
  readonly args: readonly string[];
  readonly print: (line: string) => void;
  /** Encrypts secrets of version 0.1 under data keys. Returns their number. */
  readonly upgrade: () => Promise<number>;
  /** Aborts the rotation after the current batch. Default: none. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `npm run secrets:rotate`. Returns true when everything is under the new keys; exceptions were printed. Throws an Error
 * with a message for the operator when it must not start.
 */
export async function runRotation(command: RotationCommand): Promise<boolean> {
  const { knex, keys, print, signal } = command;
  const options = readOptions(command.args);
  const local = "add" in keys ? keys : undefined;
  if (local === undefined && (options.newKey !== undefined || options.dropOld))
    throw new Error(
      "--new-key and --drop-old are for the key in DATA_DIR: SECRET_KEYS is set, so keys are added and removed there",
    );
  if (local === undefined) await refuseUnknownKey(knex, keys);
  await verifyKeys({ knex, keys });
  const upgraded = await command.upgrade();
  if (upgraded > 0) print(`secrets of version 0.1 under data keys now: ${upgraded}`);
  const rotate = () => rotateSecrets({ knex, keys, print, dataKeys: options.dataKeys, ...(signal && { signal }) });
  const report =
    local === undefined
      ? await rotate()
      : await withLocalKeys(knex, () => rotateLocal(command, local, options, rotate));

  await printOldKeys(command);
  if (!options.dataKeys && (await isRotating(knex)))
    print("a rotation of data keys has begun and not ended: run again with --data-keys");
  if (report.left > 0) print(`in use by others all the time: ${report.left}; run it again`);
  if (report.unreadable > 0)
    print(`could not be read: ${report.unreadable}, named above; their secrets must be given again`);
  return report.left === 0 && report.unreadable === 0;
}

/** Creates the new key first, if wanted; removes unused old ones last. */
async function rotateLocal(
  { knex, print }: RotationCommand,
  ring: LocalKeyRing,
  { newKey, dropOld }: Options,
  rotate: () => Promise<RotationReport>,
): Promise<RotationReport> {
  const { id } = await ring.current();
  const unfinished = (await countOthers(knex, id)) > 0 || (await isRotating(knex));
  if (newKey === undefined && unfinished)
    print(`a rotation to ${id} is unfinished and goes on (--new-key makes another key)`);
  if (newKey ?? !unfinished) print(`new key in ${ring.source}: ${(await ring.add()).id}`);
  const report = await rotate();
  if (dropOld) {
    const dropped = await dropLocalKeys(knex, ring);
    print(dropped.length === 0 ? "no old key could be removed" : `removed from ${ring.source}: ${dropped.join(", ")}`);
  }
  return report;
}

interface Options {
  readonly dataKeys: boolean;
  readonly newKey: boolean | undefined;
  readonly dropOld: boolean;
}

function readOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        "data-keys": { type: "boolean", default: false },
        "new-key": { type: "boolean" },
        "drop-old": { type: "boolean", default: false },
      },
    });
    return { dataKeys: values["data-keys"], newKey: values["new-key"], dropOld: values["drop-old"] };
  } catch (cause) {
    throw new Error(usage, { cause });
  }
}

/** A server registers its current key at its start. A server without the key could not read data wrapped with it. */
async function refuseUnknownKey(knex: Knex, keys: KeyRing): Promise<void> {
  const { id } = await keys.current();
  if (await isRegistered(knex, id)) return;
  throw new Error(
    `${id}: no server has started with this key as the first of SECRET_KEYS yet: restart every server with these SECRET_KEYS, then rotate`,
  );
}

async function printOldKeys({ knex, keys, print }: RotationCommand): Promise<void> {
  const current = await keys.current();
  for (const { key_encryption_key_id: id, in_use } of await readKeyChecks(knex)) {
    if (id === current.id) continue;
    if (in_use) print(`${id} is still needed: keep it`);
    else if ((await keys.find(id)) !== undefined)
      print(
        `${id}: nothing needs it any more; ${"add" in keys ? "--drop-old removes it" : "it can leave SECRET_KEYS"}`,
      );
  }
}
