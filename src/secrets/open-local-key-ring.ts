import { randomBytes, randomUUID } from "node:crypto";
import { chown, open, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readOrMakePrivateFile } from "../private-file.ts";
import type { KeyEncryptionKey, KeyRing } from "./key-ring.ts";

/** The keys of a server without SECRET_KEYS. Whoever changes them holds a lock of their own: the file has none. */
export interface LocalKeyRing extends KeyRing {
  /** Makes a new key and puts it in front. It is on the disk when this resolves, so that it may wrap something. */
  add(): Promise<KeyEncryptionKey>;
  /** All keys, the current one first. */
  list(): Promise<readonly [KeyEncryptionKey, ...KeyEncryptionKey[]]>;
  /** Removes those that are not current and have these ids. What they have wrapped is lost. */
  drop(ids: readonly string[]): Promise<void>;
}

/** Base64. The fields of version 0.1, and those that are not current any more; it reads `id` and `key` of this file too. */
interface KeyFile {
  id: string;
  key: string;
  older?: { id: string; key: string }[];
}

/** Opens the keys in `dataDir/secret-key.json`, making the first one where there is none. */
export async function openLocalKeyRing(dataDir: string): Promise<LocalKeyRing> {
  const file = join(dataDir, "secret-key.json");
  const read = async () => JSON.parse(await readOrMakePrivateFile(file, async () => toText(makeKey()))) as KeyFile;
  const list: LocalKeyRing["list"] = async () => {
    const { id, key, older = [] } = await read();
    return [decode({ id, key }), ...older.map(decode)];
  };
  let known = await list();
  const ring: LocalKeyRing = {
    source: file,
    list,
    current: async () => {
      known = await list();
      return known[0];
    },
    find: async (id) => {
      const isIt = (key: KeyEncryptionKey) => key.id === id;
      if (!known.some(isIt)) known = await list();
      return known.find(isIt);
    },
    add: async () => {
      const { id, key, older = [] } = await read();
      await replaceFile(file, toText({ ...makeKey(), older: [{ id, key }, ...older] }));
      return ring.current();
    },
    drop: async (ids) => {
      const { id, key, older = [] } = await read();
      await replaceFile(file, toText({ id, key, older: older.filter((one) => !ids.includes(one.id)) }));
      known = await list();
    },
  };
  return ring;
}

function makeKey() {
  return { id: `local-${randomUUID().slice(0, 8)}`, key: randomBytes(32).toString("base64") };
}

function decode({ id, key }: { id: string; key: string }): KeyEncryptionKey {
  const bytes = Buffer.from(key, "base64");
  if (bytes.length !== 32) throw new Error(`secret-key.json: the key ${id} is not 32 bytes`);
  return { id, key: bytes };
}

function toText(content: KeyFile): string {
  return JSON.stringify(content);
}

/** It is the old file or the new one whenever the power goes, and belongs to whom it belonged: root may run a rotation. */
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
