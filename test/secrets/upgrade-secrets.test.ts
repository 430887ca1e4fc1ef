import { afterEach, beforeEach, expect, test } from "vitest";
import type { SecretOwner } from "../../src/secrets/secret-store.ts";
import type { DestinationOf } from "../../src/secrets/upgrade-secrets.ts";
import { canary } from "../support/canary.ts";
import { kek, openStore, owner, read, ring, text, write } from "./open-secret-store.ts";
import { writeV1 } from "./write-v1.ts";

let store: Awaited<ReturnType<typeof openStore>>;
beforeEach(async () => {
  store = await openStore(ring("k2", "k1"));
});
afterEach(() => store.drop());

const values = { password: canary("v1-password"), "tls.key": canary("v1-key") };
const everywhere: DestinationOf = async () => Buffer.alloc(32, 1);
const v1Left = async () => (await store.knex("connection_profile_secret").whereNotNull("key_id")).length;
const problems = async (who: SecretOwner) =>
  (await store.vaultWith().openEach(who, await read(store.knex, who))).map((one) =>
    "problem" in one ? one.problem : "ok",
  );

test("secrets of version 0.1 are read as they are, wherever they go", async () => {
  const who = owner("acme", "cp_a", 7);
  await writeV1(store.knex, kek("k1"), who, values);
  const opened = await store.vaultWith().open(who, await read(store.knex, who));
  expect([...opened].map(([path, value]) => [path, text(value)])).toEqual(Object.entries(values));
});

test("an upgrade seals them under data keys, bound to where they go; another one finds nothing", async () => {
  const owners = Array.from({ length: 130 }, (_, n) => owner(`org-${n % 3}`, `cp_${n}`, n));
  for (const who of owners) await writeV1(store.knex, kek("k1"), who, values);
  const destinations = new Map(owners.map((who) => [`${who.organizationId} ${who.profileId}`, who.destination]));
  const destinationOf: DestinationOf = async (_, organization, profile) =>
    destinations.get(`${organization} ${profile}`);
  const updated = await store
    .knex("connection_profile_secret")
    .orderBy(["organization_id", "profile_id", "path"])
    .pluck("updated_at");

  expect(await store.vaultWith().upgrade(destinationOf)).toBe(260);
  expect(await v1Left()).toBe(0);
  expect(
    await store
      .knex("connection_profile_secret")
      .orderBy(["organization_id", "profile_id", "path"])
      .pluck("updated_at"),
  ).toEqual(updated);
  const secretStore = store.vaultWith(ring("k2"));
  for (const who of owners)
    expect(text((await secretStore.open(who, await read(store.knex, who))).get("tls.key"))).toBe(values["tls.key"]);
  expect(await problems({ ...owners[3], destination: Buffer.alloc(32, 99) } as SecretOwner)).toEqual([
    "OTHER_DESTINATION",
    "OTHER_DESTINATION",
  ]);
  expect(await store.vaultWith().upgrade(destinationOf)).toBe(0);
});

test("two servers that start at once upgrade each secret once", async () => {
  for (let n = 0; n < 60; n += 1) await writeV1(store.knex, kek("k1"), owner(`org-${n % 4}`, `cp_${n}`), values);
  const counts = await Promise.all([1, 2, 3].map(() => store.vaultWith().upgrade(everywhere)));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(120);
  expect(await store.knex("secret_data_key")).toHaveLength(4);
});

test("what cannot be read stays as it is, and the rest is upgraded", async () => {
  const [a, b, c] = [owner("acme", "cp_a"), owner("acme", "cp_b"), owner("acme", "cp_c")];
  for (const who of [a, b, c]) await writeV1(store.knex, kek(who === b ? "lost" : "k1"), who, values);
  await store
    .knex("connection_profile_secret")
    .where({ profile_id: "cp_a", path: "password" })
    .update({ ciphertext: Buffer.alloc(50) });
  expect(await store.vaultWith().upgrade(everywhere)).toBe(3);
  expect(await v1Left()).toBe(3);
  expect(await problems(a)).toEqual(["ALTERED", "ok"]);
  expect(await problems(b)).toEqual(["KEY_MISSING", "KEY_MISSING"]);
  expect(await problems(c)).toEqual(["ok", "ok"]);
});

test("a profile whose destination is unknown is left for a version that knows it", async () => {
  await writeV1(store.knex, kek("k1"), owner("acme", "cp_a"), values);
  expect(await store.vaultWith().upgrade(async () => undefined)).toBe(0);
  expect(await v1Left()).toBe(2);
});

test("a write that is under way is not overwritten", async () => {
  const who = owner("acme", "cp_a");
  await writeV1(store.knex, kek("k1"), who, values);
  const secretStore = store.vaultWith();
  await store.knex.transaction(async (trx) => {
    await trx("connection_profile_secret").where({ profile_id: "cp_a", path: "password" }).forUpdate().select();
    expect(await store.vaultWith().upgrade(everywhere)).toBe(1);
  });
  await write(store.knex, secretStore, who, { password: canary("newer") });
  expect(await secretStore.upgrade(everywhere)).toBe(0);
  expect(text((await secretStore.open(who, await read(store.knex, who))).get("password"))).toBe(canary("newer"));
});
