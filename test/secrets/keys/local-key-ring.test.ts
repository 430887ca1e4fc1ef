import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLocalKeyRing } from "../../../src/secrets/keys/local-key-ring.ts";
import { canary, canaryPrefix } from "../../support/canary.ts";

const good = { id: "local-1", key: Buffer.alloc(32, 5).toString("base64") };

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

test.each([
  ["no JSON", canary("key-file").slice(0, 20)],
  ["empty, as a full disk leaves it", ""],
  ["cut off", JSON.stringify({ id: "local-1", key: canary("key-file") }).slice(0, -10)],
  ["no object", "null"],
  ["without a key", JSON.stringify({ id: "local-1" })],
  ["with a key that is none", JSON.stringify({ id: "local-1", key: canary("key-file") })],
  ["with an older key that is none", JSON.stringify({ ...good, older: [null] })],
  ["with something else than older keys", JSON.stringify({ ...good, older: 5 })],
])("a file that is %s is refused by name, left as it is and not shown", async (_what, text) => {
  const file = join(dataDir, "secret-key.json");
  await writeFile(file, text);
  const message = await openLocalKeyRing(dataDir).then(String, (error: Error) => error.message);
  expect(message).toContain(`${file}: the `);
  expect(message).toContain("Put it back from a backup");
  expect(message).not.toContain(canaryPrefix.slice(0, 8));
  expect(await readFile(file, "utf8")).toBe(text);
});

test("it is not made before a key is asked for that may wrap, and not again once it was read", async () => {
  const ring = await openLocalKeyRing(dataDir);
  expect(await ring.find("local-1")).toBeUndefined();
  expect(await readdir(dataDir)).toEqual([]);
  const { id } = await ring.current();
  await rm(ring.source);
  await expect(ring.current()).rejects.toThrow("secret-key.json is gone: put it back");
  expect(await ring.find(id)).toMatchObject({ id }); // what is stored is still read
  expect(await readdir(dataDir)).toEqual([]);
});
