import { randomBytes, randomUUID } from "node:crypto";
import { chown, open, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readObject, readOrMakePrivateFile, readPrivateFile } from "../../config/private-file.ts";
import type { KeyEncryptionKey } from "../crypto/derive-key.ts";
import type { KeyRing } from "./key-ring.ts";

type Keys = readonly [KeyEncryptionKey, ...KeyEncryptionKey[]];

/** The keys of a server without SECRET_KEYS. The file has no lock: code that changes it must hold one (`withLocalKeys`). */
export interface LocalKeyRing extends KeyRing {
  /** Creates a key and makes it the current one. Resolves when it is stored on disk and may wrap data keys. */
  add(): Promise<KeyEncryptionKey>;
  /** Returns all keys, the current one first. */
  list(): Promise<Keys>;
  /** Removes keys by id, except the current one. Data keys wrapped with them are lost. */
  drop(ids: readonly string[]): Promise<void>;
}

/** Keys in Base64. `id` and `key` are the current key, which version 0.1 reads too; `older` are the former ones. */
interface KeyFile {
  id: string;
  key: string;
  /** Default: none. */
  older?: { id: string; key: string }[];
}

/**
 * Opens the keys in `dataDir/secret-key.json`. Throws for a damaged file. A missing file is created when the current key is
 * first needed: verify-keys.ts has checked by then whether stored data needs the keys of a lost file. After the keys were read
 * once, a missing file is an error.
 */
export async function openLocalKeyRing(dataDir: string): Promise<LocalKeyRing> {
  const file = join(dataDir, "secret-key.json");
  let known = await readKeys(file);
  const list: LocalKeyRing["list"] = async () => {
    const keys = (await readKeys(file)) ?? (known === undefined ? await makeKeys(file) : undefined);
    if (keys === undefined) throw new Error(`${file} is gone: put it back from a backup, before the server ends`);
    known = keys;
    return keys;
  };
  const ring: LocalKeyRing = {
    source: file,
    list,
    current: async () => (await list())[0],
    find: async (id) => {
      const isIt = (key: KeyEncryptionKey) => key.id === id;
      if (known?.some(isIt) !== true) known = (await readKeys(file)) ?? known;
      return known?.find(isIt);
    },
    add: async () => {
      await replaceFile(file, toText([makeKey(), ...(await list())]));
      return ring.current();
    },
    drop: async (ids) => {
      const [current, ...older] = await list();
      await replaceFile(file, toText([current, ...older.filter(({ id }) => !ids.includes(id))]));
      await list();
    },
  };
  return ring;
}

/** Returns the keys; undefined when there is no file. Errors contain no key, at most its id. */
async function readKeys(file: string): Promise<Keys | undefined> {
  const text = await readPrivateFile(file);
  if (text === undefined) return undefined;
  const damaged = (what: string) =>
    new Error(`${file}: ${what}. Put it back from a backup: without it the secrets of all profiles cannot be read`);
  const { id, key, older = [] } = readObject<KeyFile>(text) ?? {};
  if (typeof id !== "string" || typeof key !== "string" || !Array.isArray(older))
    throw damaged("the file is damaged: it is not what this server writes");
  const [current, ...others] = [{ id, key }, ...older].map((entry) => {
    const bytes = Buffer.from(String(entry?.key), "base64");
    if (bytes.length !== 32) throw damaged(`the key ${entry?.id} is not 32 bytes`);
    return { id: String(entry.id), key: bytes };
  });
  return current && [current, ...others];
}

async function makeKeys(file: string): Promise<Keys | undefined> {
  await readOrMakePrivateFile(file, async () => toText([makeKey()]));
  return readKeys(file);
}

function makeKey(): KeyEncryptionKey {
  return { id: `local-${randomUUID().slice(0, 8)}`, key: randomBytes(32) };
}

function toText([current, ...older]: Keys): string {
  const encode = ({ id, key }: KeyEncryptionKey) => ({ id, key: Buffer.from(key).toString("base64") });
  return JSON.stringify({
    ...encode(current),
    ...(older.length > 0 && { older: older.map(encode) }),
  } satisfies KeyFile);
}

/** Replaces the file atomically, also across a power failure, and keeps its owner: root may run a rotation. */
async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  const { uid, gid } = await stat(file);
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if ((await stat(draft)).uid !== uid) await chown(draft, uid, gid);
  await rename(draft, file);
  const folder = await open(dirname(file));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  if ((await readFile(file, "utf8")) !== text) throw new Error(`${file} was replaced by somebody else meanwhile`);
}
