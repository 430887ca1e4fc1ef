import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLocalKeyRing } from "../../src/secrets/open-local-key-ring.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-keys-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

test("a key is made on first use, for its owner alone, and found again", async () => {
  const ring = await openLocalKeyRing(dataDir);
  const { id, key } = await ring.current();
  expect(key).toHaveLength(32);
  expect((await stat(ring.source)).mode & 0o777).toBe(0o600);
  expect(await (await openLocalKeyRing(dataDir)).find(id)).toEqual({ id, key });
});

test("many first uses at once agree", async () => {
  const rings = await Promise.all(Array.from({ length: 8 }, () => openLocalKeyRing(dataDir)));
  const ids = await Promise.all(rings.map(async (ring) => (await ring.current()).id));
  expect(new Set(ids).size).toBe(1);
});

test("the file of version 0.1 is read, and version 0.1 can read the one that is written", async () => {
  const key = Buffer.alloc(32, 5).toString("base64");
  await writeFile(join(dataDir, "secret-key.json"), JSON.stringify({ id: "local-1", key }));
  const ring = await openLocalKeyRing(dataDir);
  expect(await ring.current()).toEqual({ id: "local-1", key: Buffer.alloc(32, 5) });
  const added = await ring.add();
  const file = JSON.parse(await readFile(ring.source, "utf8"));
  expect([file.id, file.key]).toEqual([added.id, Buffer.from(added.key).toString("base64")]);
});

test("a ring that is open elsewhere learns of a new key, and keeps the old one", async () => {
  const [server, command] = [await openLocalKeyRing(dataDir), await openLocalKeyRing(dataDir)];
  const old = await server.current();
  const added = await command.add();
  expect(await server.find(added.id)).toEqual(added);
  expect(await server.find(old.id)).toEqual(old);
  expect(await server.current()).toEqual(added);
  expect((await command.list()).map(({ id }) => id)).toEqual([added.id, old.id]);
  expect((await stat(server.source)).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(["secret-key.json"]);
});

test("drops older keys alone, never the current one", async () => {
  const ring = await openLocalKeyRing(dataDir);
  const first = await ring.current();
  const second = await ring.add();
  const third = await ring.add();
  await ring.drop([first.id, third.id]);
  expect((await ring.list()).map(({ id }) => id)).toEqual([third.id, second.id]);
  expect(await ring.find(first.id)).toBeUndefined();
  expect(await ring.find("unknown")).toBeUndefined();
});

test("a file with a key that is none is refused, without showing it", async () => {
  await writeFile(join(dataDir, "secret-key.json"), JSON.stringify({ id: "local-1", key: "c2hvcnQ=" }));
  await expect(openLocalKeyRing(dataDir)).rejects.toThrow("secret-key.json: the key local-1 is not 32 bytes");
});
