import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KeyRing } from "../../../src/secrets/keys/key-ring.ts";
import { type LocalKeyRing, openLocalKeyRing } from "../../../src/secrets/keys/local-key-ring.ts";
import { verifyKeys } from "../../../src/secrets/keys/verify-keys.ts";
import { runRotation } from "../../../src/secrets/rotation/rotation-command.ts";
import { openSecretStore } from "../../../src/secrets/secret-store.ts";
import { canary } from "../../support/canary.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { kek, owner, read, ring, silent, text, write } from "../open-secret-store.ts";
import { writeV1 } from "../write-v1.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let dataDir: string;
let printed: string[];
beforeEach(async () => {
  database = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "connectory-rotation-"));
  printed = [];
});
afterEach(async () => {
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const vaultOf = (keys: KeyRing) => openSecretStore({ knex: database.knex, keys, log: silent });
const run = (keys: KeyRing | LocalKeyRing, ...args: string[]) => {
  const upgrade = () => vaultOf(keys).upgrade(async () => Buffer.alloc(32, 1));
  return runRotation({ knex: database.knex, keys, args, upgrade, print: (line) => void printed.push(line) });
};
const who = owner("acme", "cp_a");
const valueIn = async (keys: KeyRing) =>
  text((await vaultOf(keys).open(who, await read(database.knex, who))).get("password"));
const wrappedWith = () => database.knex("secret_data_key").distinct().pluck("key_encryption_key_id");

/** A server that has started with these keys, and a secret that it has written. */
async function serverWith(keys: KeyRing) {
  await verifyKeys({ knex: database.knex, keys });
  await write(database.knex, vaultOf(keys), who, { password: canary("command") });
}

describe("with SECRET_KEYS", () => {
  test("re-wraps, and says which key can go", async () => {
    await serverWith(ring("k1"));
    await verifyKeys({ knex: database.knex, keys: ring("k2", "k1") });
    expect(await run(ring("k2", "k1"))).toBe(true);
    expect(await wrappedWith()).toEqual(["k2"]);
    expect(printed.at(-1)).toBe("k1: nothing needs it any more; it can leave SECRET_KEYS");
    await verifyKeys({ knex: database.knex, keys: ring("k2") });
    expect(await valueIn(ring("k2"))).toBe(canary("command"));
  });

  test("refuses to begin with a key that no server has yet, or without one that is needed", async () => {
    await serverWith(ring("k1"));
    await expect(run(ring("k2", "k1"))).rejects.toThrow(
      "k2: no server has started with this key as the first of SECRET_KEYS yet",
    );
    await verifyKeys({ knex: database.knex, keys: ring("k2", "k1") });
    await expect(run(ring("k2"))).rejects.toThrow("k1: stored secrets need this key");
    expect(await wrappedWith()).toEqual(["k1"]);
  });

  test("refuses what is for the local key, and what it does not know", async () => {
    await verifyKeys({ knex: database.knex, keys: ring("k1") });
    for (const option of ["--new-key", "--drop-old"])
      await expect(run(ring("k1"), option)).rejects.toThrow("SECRET_KEYS is set");
    for (const args of [["--datakeys"], ["now"]])
      await expect(run(ring("k1"), ...args)).rejects.toThrow("usage: npm run secrets:rotate");
  });

  test("is not content with a secret that cannot be read", async () => {
    await serverWith(ring("k1"));
    await database.knex("connection_profile_secret").update({ ciphertext: Buffer.alloc(70, 2) });
    expect(await run(ring("k1"), "--data-keys")).toBe(false);
    expect(printed).toContain("cannot be read (ALTERED): organization acme, profile cp_a, password");
  });

  test("upgrades secrets of version 0.1, so that their key can go", async () => {
    await writeV1(database.knex, kek("k1"), who, { password: canary("command") });
    await verifyKeys({ knex: database.knex, keys: ring("k2", "k1") });
    expect(await run(ring("k2", "k1"))).toBe(true);
    await verifyKeys({ knex: database.knex, keys: ring("k2") });
    expect(await valueIn(ring("k2"))).toBe(canary("command"));
  });
});

describe("with the key in DATA_DIR", () => {
  test("makes a new key; a server that runs goes on reading and writing", async () => {
    const server = await openLocalKeyRing(dataDir);
    await serverWith(server);
    const old = await server.current();
    expect(await run(await openLocalKeyRing(dataDir))).toBe(true);
    expect(await wrappedWith()).not.toContain(old.id);
    expect(await valueIn(server)).toBe(canary("command"));
    await write(database.knex, vaultOf(server), owner("new", "cp_b"), { password: canary("new") });
    expect(await wrappedWith()).toEqual([(await server.current()).id]);
    expect(printed.at(-1)).toBe(`${old.id}: nothing needs it any more; --drop-old removes it`);
  });

  test("drops the old key in the same go, and a server with it in memory does not wrap with it again", async () => {
    const server = await openLocalKeyRing(dataDir);
    await serverWith(server);
    const old = await server.current();
    /** A server whose look at the file was just before the rotation. */
    let late = true;
    const lagging: KeyRing = {
      ...server,
      current: async () => {
        if (!late) return server.current();
        late = false;
        return old;
      },
    };
    const command = await openLocalKeyRing(dataDir);
    expect(await run(command, "--data-keys", "--drop-old")).toBe(true);
    expect((await command.list()).map(({ id }) => id)).not.toContain(old.id);
    expect(await command.list()).toHaveLength(1);
    await write(database.knex, vaultOf(lagging), owner("late", "cp_b"), { password: canary("late") });
    expect(await wrappedWith()).toEqual([(await command.current()).id]);
    await verifyKeys({ knex: database.knex, keys: await openLocalKeyRing(dataDir) });
    expect(await valueIn(server)).toBe(canary("command"));
  });

  test("an unfinished rotation goes on with the key that it has made", async () => {
    const ring = await openLocalKeyRing(dataDir);
    await serverWith(ring);
    const added = await ring.add(); // and then it was killed
    expect(await run(ring)).toBe(true);
    expect(printed[0]).toBe(`a rotation to ${added.id} is unfinished and goes on (--new-key makes another key)`);
    expect(await wrappedWith()).toEqual([added.id]);
    expect(await ring.list()).toHaveLength(2);
  });

  test("keeps an old key that something needs", async () => {
    const ring = await openLocalKeyRing(dataDir);
    await serverWith(ring);
    const old = await ring.current();
    await database.knex("secret_data_key").update({ wrapped: Buffer.alloc(92) });
    expect(await run(ring, "--drop-old")).toBe(false);
    expect((await ring.list()).map(({ id }) => id)).toContain(old.id);
    expect(printed).toContain("no old key could be removed");
    expect(printed).toContain(`${old.id} is still needed: keep it`);
  });

  test("with --no-new-key only the data keys change", async () => {
    const ring = await openLocalKeyRing(dataDir);
    await serverWith(ring);
    expect(await run(ring, "--data-keys", "--no-new-key")).toBe(true);
    expect(await ring.list()).toHaveLength(1);
    expect(await valueIn(ring)).toBe(canary("command"));
  });

  test("two at once lose no key", async () => {
    const server = await openLocalKeyRing(dataDir);
    await serverWith(server);
    const commands = await Promise.all([openLocalKeyRing(dataDir), openLocalKeyRing(dataDir)]);
    const done = await Promise.all(commands.map((command) => run(command, "--new-key", "--data-keys", "--drop-old")));
    expect(done).toEqual([true, true]);
    await verifyKeys({ knex: database.knex, keys: await openLocalKeyRing(dataDir) });
    expect(await valueIn(await openLocalKeyRing(dataDir))).toBe(canary("command"));
  });

  test("a key file that was lost is refused by name", async () => {
    await serverWith(await openLocalKeyRing(dataDir));
    await rm(join(dataDir, "secret-key.json"));
    const other = await openLocalKeyRing(dataDir);
    await expect(verifyKeys({ knex: database.knex, keys: other })).rejects.toThrow(
      /local-\w+: stored secrets need this key.*secret-key\.json/,
    );
    expect(await readdir(dataDir)).toEqual([]); // and not made again, which would look like the right one
  });
});
