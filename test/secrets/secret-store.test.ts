import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SecretOwner, StoredSecret } from "../../src/secrets/secret-store.ts";
import { canary } from "../support/canary.ts";
import { openStore, owner, read, ring, secretsOf, text, write } from "./open-secret-store.ts";

let store: Awaited<ReturnType<typeof openStore>>;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.drop());

const values = { password: canary("vault-password"), "tls.key": canary("vault-tls-key-ä") };

/** Two profiles of `organization` with the same two secrets, and a secret store that has nothing in its memory. */
async function twoProfiles(organization: string) {
  const secretStore = store.vaultWith();
  const [a, b] = [owner(organization, "cp_a"), owner(organization, "cp_b")];
  for (const who of [a, b]) await write(store.knex, secretStore, who, values);
  return { a, b, secretStore: store.vaultWith() };
}

/** The failure of opening everything that is stored, and what openEach says of each secret. */
async function broken(who: SecretOwner, stored?: readonly StoredSecret[]) {
  const secretStore = store.vaultWith();
  const sealed = stored ?? (await read(store.knex, who));
  const failure: unknown = await secretStore.open(who, sealed).catch((error: unknown) => error);
  const each = await secretStore.openEach(who, sealed);
  return { failure, problems: each.map((one) => ("problem" in one ? `${one.path} ${one.problem}` : one.path)) };
}

const unreadable = (path: string) => ({
  name: "ApiError",
  message: expect.stringContaining(path),
  detail: { metadata: { path } },
});

describe("a vault", () => {
  test("gives back what was sealed, whatever it was, with another vault too", async () => {
    const who = owner("exact", "cp_a");
    const binary = Buffer.from([0, 255, 1, 254]);
    const sealed = await store.knex.transaction(async (trx) => {
      const secretStore = store.vaultWith();
      return secretStore.seal(trx, who, new Map([...secretsOf({ ...values, empty: "" }), ["store", binary]]));
    });
    const opened = await store.vaultWith().open(who, sealed);
    expect([...opened].map(([path, value]) => [path, text(value)]).slice(0, 3)).toEqual(
      Object.entries({ ...values, empty: "" }),
    );
    expect(Buffer.from(opened.get("store") ?? "").equals(binary)).toBe(true);
    for (const { keyId, dataKeyId, ciphertext } of sealed) {
      expect([keyId, typeof dataKeyId]).toEqual([null, "string"]);
      expect(Buffer.from(ciphertext).includes("canary")).toBe(false);
    }
  });

  test("makes one data key for an organization, however many begin at once", async () => {
    const vaults = Array.from({ length: 3 }, () => store.vaultWith());
    const all = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        write(store.knex, vaults[n % 3] ?? store.vaultWith(), owner("rush", `cp_${n}`), {
          password: canary(`rush-${n}`),
        }),
      ),
    );
    expect(new Set(all.flat().map(({ dataKeyId }) => dataKeyId)).size).toBe(1);
    expect(await store.knex("secret_data_key").where({ organization_id: "rush" })).toHaveLength(1);
  });

  test("makes another one for another organization", async () => {
    await twoProfiles("one");
    await twoProfiles("two");
    const keys = await store.knex("secret_data_key").whereIn("organization_id", ["one", "two"]);
    expect(new Set(keys.map(({ wrapped }) => wrapped.toString("hex"))).size).toBe(2);
  });

  test("leaves no data key behind a transaction that was rolled back, and goes on", async () => {
    const secretStore = store.vaultWith();
    const who = owner("undone", "cp_a");
    await expect(
      store.knex.transaction(async (trx) => {
        await secretStore.seal(trx, who, secretsOf(values));
        throw new Error("undo");
      }),
    ).rejects.toThrow("undo");
    expect(await store.knex("secret_data_key").where({ organization_id: "undone" })).toHaveLength(0);
    await write(store.knex, secretStore, who, values);
    expect(text((await secretStore.open(who, await read(store.knex, who))).get("password"))).toBe(values.password);
  });

  test("asks for no second connection while it seals", async () => {
    const { openKnex } = await import("../../src/database/open-knex.ts");
    const narrow = openKnex(store.target, 1);
    try {
      const secretStore = store.vaultWith(ring("k1"), narrow);
      expect(await write(narrow, secretStore, owner("narrow", "cp_a"), values)).toHaveLength(2);
    } finally {
      await narrow.destroy();
    }
  });
});

describe("fingerprints", () => {
  test("tell two values of a field apart, and say nothing of two fields or profiles", async () => {
    const { a, b, secretStore } = await twoProfiles("prints");
    const seal = (who: SecretOwner, secrets: Readonly<Record<string, string>>) =>
      store.knex.transaction(async (trx) => (await secretStore.seal(trx, who, secretsOf(secrets)))[0]?.fingerprint);
    const first = await seal(a, { password: canary("same") });
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(await seal(a, { password: canary("same") })).toBe(first);
    expect(await seal({ ...a, destination: Buffer.alloc(32, 9) }, { password: canary("same") })).toBe(first);
    const others = [
      await seal(a, { password: canary("other") }),
      await seal(a, { "sasl.password": canary("same") }),
      await seal(b, { password: canary("same") }),
      await seal(owner("prints-2", "cp_a"), { password: canary("same") }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });
});

describe("what was tampered with is found out and named", () => {
  const put = (who: SecretOwner, path: string, change: Record<string, unknown>) =>
    store
      .knex("connection_profile_secret")
      .where({ organization_id: who.organizationId, profile_id: who.profileId, path })
      .update(change);
  const cell = async (who: SecretOwner, path: string) =>
    (await read(store.knex, who)).find((secret) => secret.path === path)?.ciphertext;

  test("two ciphertexts that were swapped between fields", async () => {
    const { a, b, secretStore } = await twoProfiles("swap-fields");
    const [password, key] = [await cell(a, "password"), await cell(a, "tls.key")];
    await put(a, "password", { ciphertext: key });
    await put(a, "tls.key", { ciphertext: password });
    const { failure, problems } = await broken(a);
    expect(problems).toEqual(["password ALTERED", "tls.key ALTERED"]);
    expect(failure).toMatchObject({ name: "ApiError", detail: { metadata: { path: "password,tls.key" } } });
    expect(text((await secretStore.open(b, await read(store.knex, b))).get("password"))).toBe(values.password);
  });

  test("two that were swapped between profiles; the other secrets go on", async () => {
    const { a, b } = await twoProfiles("swap-profiles");
    await put(a, "password", { ciphertext: await cell(b, "password") });
    const { failure, problems } = await broken(a);
    expect(failure).toMatchObject(unreadable("password"));
    expect(problems).toEqual(["password ALTERED", "tls.key"]);
  });

  test("two that were swapped between organizations, with and without their data key", async () => {
    const { a } = await twoProfiles("swap-here");
    const { a: there } = await twoProfiles("swap-there");
    await put(a, "password", { ciphertext: await cell(there, "password") });
    expect((await broken(a)).problems).toEqual(["password ALTERED", "tls.key"]);
    const { wrapped, id } = await store.knex("secret_data_key").where({ organization_id: "swap-there" }).first();
    await store.knex("secret_data_key").where({ organization_id: "swap-here" }).update({ wrapped });
    expect((await broken(a)).problems).toEqual(["password DATA_KEY_ALTERED", "tls.key DATA_KEY_ALTERED"]);
    await expect(put(a, "tls.key", { data_key_id: id })).rejects.toThrow("foreign key");
  });

  test("every single bit of a stored secret, and every cut", async () => {
    const { a } = await twoProfiles("bits");
    const [stored] = (await read(store.knex, a)) as [StoredSecret];
    const secretStore = store.vaultWith();
    const damaged: Uint8Array[] = [];
    for (let bit = 0; bit < stored.ciphertext.length * 8; bit += 1) {
      const bytes = Buffer.from(stored.ciphertext);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      damaged.push(bytes);
    }
    for (let length = 0; length < stored.ciphertext.length; length += 1)
      damaged.push(stored.ciphertext.subarray(0, length));
    const opened = await secretStore.openEach(
      a,
      damaged.map((ciphertext) => ({ ...stored, ciphertext })),
    );
    expect(opened.filter((one) => !("problem" in one) || one.problem !== "ALTERED")).toEqual([]);
    expect(opened.length).toBeGreaterThan(500);
  });

  test("another destination, told apart from a broken value", async () => {
    const { a } = await twoProfiles("moved");
    const { failure, problems } = await broken({ ...a, destination: Buffer.alloc(32, 2) }, await read(store.knex, a));
    expect(failure).toMatchObject({ name: "ApiError", detail: { metadata: { path: "password,tls.key" } } });
    expect(problems).toEqual(["password OTHER_DESTINATION", "tls.key OTHER_DESTINATION"]);
    const moved = (await read(store.knex, a)).map((secret) => {
      const ciphertext = Buffer.from(secret.ciphertext);
      ciphertext.fill(2, 1, 33); // the destination that it claims, made to fit
      return { ...secret, ciphertext };
    });
    expect((await broken({ ...a, destination: Buffer.alloc(32, 2) }, moved)).problems).toEqual([
      "password ALTERED",
      "tls.key ALTERED",
    ]);
  });

  test("a bit of a data key; nothing is sealed with it and its organization alone suffers", async () => {
    const { a } = await twoProfiles("key-bit");
    const { a: other, secretStore } = await twoProfiles("key-whole");
    const { wrapped } = await store.knex("secret_data_key").where({ organization_id: "key-bit" }).first();
    wrapped[20] ^= 1;
    await store.knex("secret_data_key").where({ organization_id: "key-bit" }).update({ wrapped });
    expect((await broken(a)).problems).toEqual(["password DATA_KEY_ALTERED", "tls.key DATA_KEY_ALTERED"]);
    await expect(write(store.knex, store.vaultWith(), a, values)).rejects.toMatchObject({ name: "ApiError" });
    expect(text((await secretStore.open(other, await read(store.knex, other))).get("password"))).toBe(values.password);
  });

  test("a key-encryption key that the server does not have", async () => {
    const { a } = await twoProfiles("keyless");
    const secretStore = store.vaultWith(ring("k2"));
    const each = await secretStore.openEach(a, await read(store.knex, a));
    expect(each.map((one) => "problem" in one && one.problem)).toEqual(["KEY_MISSING", "KEY_MISSING"]);
  });
});

test("neither a message nor an error holds a value", async () => {
  const { a } = await twoProfiles("words");
  const { failure } = await broken({ ...a, destination: Buffer.alloc(32, 2) }, await read(store.knex, a));
  expect(JSON.stringify([String(failure), failure])).not.toContain("canary");
});
