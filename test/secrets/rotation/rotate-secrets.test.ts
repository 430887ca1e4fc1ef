import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openKnex } from "../../../src/database/open-knex.ts";
import { rotateSecrets } from "../../../src/secrets/rotation/rotate-secrets.ts";
import { owner, read, ring, text, write } from "../open-secret-store.ts";
import { openRotation, valueFor } from "./open-rotation.ts";

let store: Awaited<ReturnType<typeof openRotation>>;
beforeEach(async () => {
  store = await openRotation();
});
afterEach(() => store.drop());

const columns = async (...names: string[]) => (await store.rows()).map((row) => names.map((name) => String(row[name])));

describe("a re-wrap", () => {
  test("puts every data key under the current key and touches no secret", async () => {
    await store.fill(7, 2);
    const before = await store.rows();
    expect(await store.rotate({ batch: 3 })).toMatchObject({ rewrapped: 7, renewed: 0, reencrypted: 0, unreadable: 0 });
    expect(new Set((await store.dataKeys()).map((key) => key.key_encryption_key_id))).toEqual(new Set(["k2"]));
    expect(await store.rows()).toEqual(before);
    expect(await store.openAll(7, 2, ring("k2"))).toBe(28);
    expect(store.printed).toEqual([expect.stringMatching(/^data keys re-wrapped: 7 of 7, \d+ per second$/)]);
  });

  test("has nothing to do the second time", async () => {
    await store.fill(3, 1);
    await store.rotate();
    const before = await store.dataKeys();
    expect(await store.rotate()).toMatchObject({ rewrapped: 0 });
    expect(await store.dataKeys()).toEqual(before);
  });

  test("two at once do no harm", async () => {
    await store.fill(20, 1);
    const reports = await Promise.all([store.rotate({ batch: 3 }), store.rotate({ batch: 4 })]);
    expect(reports.reduce((sum, { rewrapped }) => sum + rewrapped, 0)).toBe(20);
    expect(await store.openAll(20, 1, ring("k2"))).toBe(40);
  });

  test("is noticed by nobody who has the new key: a server that reads and a server that is yet to read", async () => {
    await store.fill(2, 1);
    expect(await store.openAll(2, 1, ring("k1"))).toBe(4);
    await store.rotate();
    expect(await store.openAll(2, 1, ring("k1", "k2"))).toBe(4);
    await expect(store.openAll(2, 1, ring("k1"))).rejects.toThrow("cannot be read");
  });
});

describe("a rotation of data keys", () => {
  test("encrypts every secret again, keeps fingerprints and times, and removes the old keys", async () => {
    await store.fill(4, 3);
    const before = await store.rows();
    const kept = await columns("path", "fingerprint", "updated_at");
    const old = new Set((await store.dataKeys()).map(({ id }) => id));
    const report = await store.rotate({ dataKeys: true, batch: 5 });
    expect(report).toEqual({ rewrapped: 4, renewed: 4, reencrypted: 24, removed: 4, unreadable: 0, left: 0 });
    const after = await store.rows();
    expect(after.filter((row, index) => row.ciphertext.equals(before[index].ciphertext))).toEqual([]);
    expect(await columns("path", "fingerprint", "updated_at")).toEqual(kept);
    expect((await store.dataKeys()).map(({ id, is_current }) => [old.has(id), is_current])).toEqual(
      Array(4).fill([false, true]),
    );
    expect(await store.openAll(4, 3, ring("k2"))).toBe(24);
    expect(await store.knex("secret_rotation")).toEqual([]);
  });

  test("a value that is written again after it has the same fingerprint", async () => {
    await store.fill(1, 1);
    const [before] = await columns("fingerprint");
    await store.rotate({ dataKeys: true });
    await write(store.knex, store.secretStore, owner("o0", "cp_0"), { password: valueFor("o0", "cp_0") });
    expect((await columns("fingerprint"))[0]).toEqual(before);
  });

  test("a secret stays bound to its destination", async () => {
    await store.fill(1, 1);
    await store.rotate({ dataKeys: true });
    const who = owner("o0", "cp_0", 2);
    const each = await store.secretStore.openEach(who, await read(store.knex, who));
    expect(each.map((one) => "problem" in one && one.problem)).toEqual(["OTHER_DESTINATION", "OTHER_DESTINATION"]);
  });

  test("a reader that has read the rows before still gets the values", async () => {
    await store.fill(1, 1);
    const who = owner("o0", "cp_0");
    const stored = await read(store.knex, who);
    await store.rotate({ dataKeys: true });
    expect(text((await store.secretStore.open(who, stored)).get("password"))).toBe(valueFor("o0", "cp_0"));
  });

  test("names what it cannot read, does the rest, and does not hide it the next time", async () => {
    await store.fill(3, 2);
    const broken = { organization_id: "o1", profile_id: "cp_1", path: "password" };
    await store
      .knex("connection_profile_secret")
      .where(broken)
      .update({ ciphertext: Buffer.alloc(80, 2) });
    const report = await store.rotate({ dataKeys: true });
    expect(report).toMatchObject({ renewed: 3, reencrypted: 11, removed: 2, unreadable: 1, left: 0 });
    expect(store.printed).toContain("cannot be read (ALTERED): organization o1, profile cp_1, password");
    expect(await store.rotate({ dataKeys: true })).toMatchObject({ unreadable: 1 });
    await write(store.knex, store.secretStore, owner("o1", "cp_1", 2), { password: valueFor("o1", "cp_1") });
    expect(await store.rotate({ dataKeys: true })).toMatchObject({ unreadable: 0 });
    expect(await store.openAll(3, 2, ring("k2"))).toBe(12);
    expect(await store.dataKeys()).toHaveLength(3);
  });

  test("a data key that cannot be read: its secrets are named, and its organization can write again", async () => {
    await store.fill(2, 1);
    await store
      .knex("secret_data_key")
      .where({ organization_id: "o0" })
      .update({ wrapped: Buffer.alloc(92) });
    expect(await store.rotate()).toMatchObject({ rewrapped: 1, unreadable: 3 });
    const named = (path: string) =>
      `cannot be read (its data key cannot be read): organization o0, profile cp_0, ${path}`;
    expect(store.printed).toEqual(expect.arrayContaining([named("password"), named("tls.key")]));
    expect(await store.rotate({ dataKeys: true })).toMatchObject({ renewed: 2, unreadable: 3, left: 0 });
    const who = owner("o0", "cp_0");
    await write(store.knex, store.secretStore, who, {
      password: valueFor("o0", "cp_0"),
      "tls.key": valueFor("o0", "cp_0", "tls.key"),
    });
    expect(await store.openAll(2, 1)).toBe(4);
    expect(await store.rotate({ dataKeys: true })).toMatchObject({ unreadable: 0, left: 0 });
  });

  test("works with a single connection", async () => {
    await store.fill(3, 2);
    const knex = openKnex(store.target, 1);
    try {
      expect(await rotateSecrets({ knex, keys: ring("k2", "k1"), dataKeys: true, print: () => {} })).toMatchObject({
        reencrypted: 12,
      });
    } finally {
      await knex.destroy();
    }
  });
});
