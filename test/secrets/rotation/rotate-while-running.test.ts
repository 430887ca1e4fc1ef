import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rotateSecrets } from "../../../src/secrets/rotation/rotate-secrets.ts";
import type { SecretStore } from "../../../src/secrets/secret-store.ts";
import { canary } from "../../support/canary.ts";
import { owner, read, ring, text, write } from "../open-secret-store.ts";
import { openRotation } from "./open-rotation.ts";

let store: Awaited<ReturnType<typeof openRotation>>;
beforeEach(async () => {
  store = await openRotation();
});
afterEach(() => store.drop());

test("online: no read fails and no write is lost", async () => {
  const [organizations, profiles] = [3, 12];
  await store.fill(organizations, profiles);
  const servers = [store.vaultWith(ring("k2", "k1")), store.vaultWith(ring("k1", "k2"))];
  const written = new Map<string, string>();
  const stop = new AbortController();
  let [reads, writes] = [0, 0];
  const pick = (n: number) => Math.floor(Math.random() * n);
  /** Each writer has profiles of its own, so it knows what must be there. */
  const writer = async (server: SecretStore, mine: number) => {
    while (!stop.signal.aborted) {
      const who = owner(`o${pick(organizations)}`, `cp_${mine}`, mine + 1);
      const value = canary(`online-${writes}`);
      await write(store.knex, server, who, { password: value });
      written.set(`${who.organizationId} ${who.profileId}`, value);
      writes += 1;
    }
  };
  const reader = async (server: SecretStore) => {
    while (!stop.signal.aborted) {
      const p = pick(profiles);
      const who = owner(`o${pick(organizations)}`, `cp_${p}`, p + 1);
      const stored = await read(store.knex, who);
      expect((await server.open(who, stored)).size).toBe(2);
      // With nothing in memory, as a server that has just started.
      expect((await store.vaultWith(ring("k2", "k1")).open(who, stored)).size).toBe(2);
      reads += 1;
    }
  };
  const others = Promise.all([
    ...servers.map((server, n) => writer(server, n)),
    ...servers.map((server) => reader(server)),
  ]);
  for (let round = 0; round < 4; round += 1) {
    const report = await store.rotate({
      dataKeys: true,
      batch: 10,
      keys: round % 2 === 0 ? ring("k2", "k1") : ring("k1", "k2"),
    });
    expect(report).toMatchObject({ unreadable: 0, left: 0, renewed: organizations });
  }
  stop.abort();
  await others;
  expect(reads).toBeGreaterThan(20);
  expect(writes).toBeGreaterThan(20);
  for (const [key, value] of written) {
    const [organizationId = "", profileId = ""] = key.split(" ");
    const who = owner(organizationId, profileId, Number(profileId.slice(3)) + 1);
    expect(text((await store.secretStore.open(who, await read(store.knex, who))).get("password"))).toBe(value);
  }
  expect(await store.dataKeys()).toHaveLength(organizations);
});

test("waits for a write that has begun under a former key", async () => {
  await store.fill(1, 1);
  const who = owner("o0", "cp_0");
  const sealed = Promise.withResolvers<void>();
  const mayCommit = Promise.withResolvers<void>();
  const slow = store.knex.transaction(async (trx) => {
    const [secret] = await store.secretStore.seal(trx, who, new Map([["password", Buffer.from(canary("slow"))]]));
    sealed.resolve();
    await mayCommit.promise;
    await trx("connection_profile_secret")
      .where({ organization_id: "o0", profile_id: "cp_0", path: "password" })
      .update({ ciphertext: secret?.ciphertext, data_key_id: secret?.dataKeyId, fingerprint: secret?.fingerprint });
  });
  await sealed.promise;
  const rotating = store.rotate({ dataKeys: true });
  await sleep(600);
  mayCommit.resolve();
  await slow;
  expect(await rotating).toMatchObject({ left: 0, removed: 1, unreadable: 0 });
  expect(await store.dataKeys()).toHaveLength(1);
  expect(text((await store.secretStore.open(who, await read(store.knex, who))).get("password"))).toBe(canary("slow"));
});

test("two at once share the work", async () => {
  await store.fill(10, 5);
  const reports = await Promise.all([
    store.rotate({ dataKeys: true, batch: 4 }),
    store.rotate({ dataKeys: true, batch: 7 }),
  ]);
  const sum = (pick: (report: (typeof reports)[number]) => number) =>
    reports.reduce((total, one) => total + pick(one), 0);
  // Ten each, unless one was done before the other had begun.
  const renewed = sum((report) => report.renewed);
  expect([10, 20]).toContain(renewed);
  expect(sum(({ reencrypted }) => reencrypted)).toBe(renewed * 10);
  expect(sum(({ left, unreadable }) => left + unreadable)).toBe(0);
  expect(await store.dataKeys()).toHaveLength(10);
  expect(await store.openAll(10, 5, ring("k2"))).toBe(100);
});

test("ended by a signal, it is resumed and gives nobody a second new key", async () => {
  await store.fill(6, 2);
  const stop = new AbortController();
  const stopping = rotateSecrets({
    knex: store.knex,
    keys: ring("k2", "k1"),
    dataKeys: true,
    batch: 2,
    signal: stop.signal,
    print: (line) => line.startsWith("data keys made") && stop.abort(),
  });
  await expect(stopping).rejects.toThrow("abort");
  expect(await store.knex("secret_rotation")).toHaveLength(1);
  expect(await store.openAll(6, 2)).toBe(24);
  expect(await store.rotate({ dataKeys: true })).toMatchObject({ renewed: 0, reencrypted: 24, removed: 6, left: 0 });
  expect(await store.knex("secret_rotation")).toEqual([]);
});

test("killed again and again, it comes to its end", async () => {
  await store.fill(8, 10);
  const program = fileURLToPath(new URL("rotation-process.ts", import.meta.url));
  let killed = 0;
  let output = "";
  for (let round = 0; round < 40 && !output.includes("{"); round += 1) {
    output = "";
    const child = spawn(process.execPath, [program, JSON.stringify(store.target)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      // Later every time, so that each step is hit.
      if (output === "") setTimeout(() => child.kill("SIGKILL"), 40 + round * 60);
      output += chunk;
    });
    const [, signal] = await closed;
    if (signal === "SIGKILL") killed += 1;
    expect(await store.openAll(8, 10)).toBe(160);
  }
  expect(killed).toBeGreaterThan(1);
  expect(output).toContain('"unreadable":0,"left":0');
  expect(await store.dataKeys()).toHaveLength(8);
  expect(await store.openAll(8, 10, ring("k2"))).toBe(160);
});
