import { afterEach, beforeEach, expect, test } from "vitest";
import { fixedKeyRing } from "../../../src/secrets/keys/key-ring.ts";
import { verifyKeys } from "../../../src/secrets/keys/verify-keys.ts";
import { openSecretStore } from "../../../src/secrets/secret-store.ts";
import { canary } from "../../support/canary.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { kek, owner, ring, silent, write } from "../open-secret-store.ts";
import { writeV1 } from "../write-v1.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const check = (keys = ring("k1")) => verifyKeys({ knex: database.knex, keys });
const store = async (keys = ring("k1"), organization = "acme") => {
  const secretStore = openSecretStore({ knex: database.knex, keys, log: silent });
  await write(database.knex, secretStore, owner(organization, "cp_a"), { password: canary("check") });
};
const noted = () => database.knex("secret_key_check").orderBy("key_encryption_key_id").pluck("key_encryption_key_id");

test("the first start notes the current key; later ones are fine with it", async () => {
  await check(ring("k1", "k0"));
  expect(await noted()).toEqual(["k1"]);
  await store();
  await check();
});

test("another current key is taken into use, as long as the old one is there", async () => {
  await check();
  await store();
  await check(ring("k2", "k1"));
  expect(await noted()).toEqual(["k1", "k2"]);
});

test("a key that is needed and gone is named", async () => {
  await check();
  await store();
  await expect(check(ring("k2"))).rejects.toThrow(
    "The secret keys are not right:\n  - k1: stored secrets need this key, and it is not in SECRET_KEYS: put it back there; it need not be the current one",
  );
  expect(await noted()).toEqual(["k1"]);
});

test("a key that nothing needs may go", async () => {
  await check();
  await check(ring("k2"));
});

test("a wrong key under the right name is refused before anything is written", async () => {
  await check();
  await store();
  const before = await database.knex("secret_key_check");
  for (const keys of [fixedKeyRing([kek("k1", true)]), fixedKeyRing([kek("k2"), kek("k1", true)])])
    await expect(check(keys)).rejects.toThrow("k1: the key of this name in SECRET_KEYS is not the one");
  expect(await database.knex("secret_key_check")).toEqual(before);
});

test("every problem is told at once", async () => {
  await check();
  await store();
  await check(ring("k2", "k1"));
  await store(ring("k2", "k1"), "other");
  const wrongAndMissing = check(fixedKeyRing([kek("k3"), kek("k2", true)]));
  await expect(wrongAndMissing).rejects.toThrow(/- k1: stored secrets need(?:.|\n)*- k2: the key of this name/);
});

test("two first starts at once with different keys of one name: one is refused", async () => {
  for (let round = 0; round < 5; round += 1) {
    const id = `round-${round}`;
    const starts = await Promise.allSettled([check(fixedKeyRing([kek(id)])), check(fixedKeyRing([kek(id, true)]))]);
    expect(starts.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  }
});

test("secrets of version 0.1: their key is needed, and tried on them", async () => {
  await writeV1(database.knex, kek("old"), owner("acme", "cp_a"), { password: canary("v1-check") });
  await expect(check(ring("k1"))).rejects.toThrow("old: stored secrets need this key");
  await expect(check(fixedKeyRing([kek("old", true)]))).rejects.toThrow(
    "old: the key of this name in SECRET_KEYS is not",
  );
  expect(await noted()).toEqual([]);
  await check(ring("k1", "old"));
});

test("one broken secret of version 0.1 does not make its key wrong", async () => {
  for (const profile of ["cp_a", "cp_b"])
    await writeV1(database.knex, kek("old"), owner("acme", profile), { password: canary("v1-broken") });
  await database
    .knex("connection_profile_secret")
    .where({ profile_id: "cp_a" })
    .update({ ciphertext: Buffer.alloc(40) });
  await check(ring("old"));
});
