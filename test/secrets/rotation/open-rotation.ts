import { expect } from "vitest";
import type { KeyRing } from "../../../src/secrets/keys/key-ring.ts";
import { rotateSecrets } from "../../../src/secrets/rotation/rotate-secrets.ts";
import { canary } from "../../support/canary.ts";
import { openStore, owner, read, ring, text, write } from "../open-secret-store.ts";

export interface RotateOptions {
  readonly keys?: KeyRing;
  readonly dataKeys?: boolean;
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

export const valueFor = (organization: string, profile: string, path = "password") =>
  canary(`${organization}-${profile}-${path}`);

/** A database whose server has the key k1, to be rotated to k2. */
export async function openRotation() {
  const store = await openStore();
  const { knex } = store;
  const printed: string[] = [];
  return {
    ...store,
    printed,
    /** Of a server that has the new key. */
    secretStore: store.vaultWith(ring("k2", "k1")),
    rotate: (options: RotateOptions = {}) =>
      rotateSecrets({ knex, keys: ring("k2", "k1"), print: (line) => void printed.push(line), ...options }),
    dataKeys: () => knex("secret_data_key").orderBy(["organization_id", "id"]),
    rows: () => knex("connection_profile_secret").orderBy(["organization_id", "profile_id", "path"]),

    /** Organizations o0, o1, … with profiles cp_0, cp_1, …, two secrets each, written by a server with the key k1. */
    async fill(organizations: number, profiles: number): Promise<void> {
      const before = store.vaultWith(ring("k1"));
      for (let o = 0; o < organizations; o += 1)
        await Promise.all(
          Array.from({ length: profiles }, async (_, p) => {
            const who = owner(`o${o}`, `cp_${p}`, p + 1);
            const [password, key] = [valueFor(`o${o}`, `cp_${p}`), valueFor(`o${o}`, `cp_${p}`, "tls.key")];
            await write(knex, before, who, { password, "tls.key": key });
          }),
        );
    },

    /** Opens everything with nothing in memory; answers with how many secrets. Throws when one is not what was filled in. */
    async openAll(organizations: number, profiles: number, keys = ring("k2", "k1")): Promise<number> {
      const fresh = store.vaultWith(keys);
      let count = 0;
      for (let o = 0; o < organizations; o += 1)
        for (let p = 0; p < profiles; p += 1) {
          const who = owner(`o${o}`, `cp_${p}`, p + 1);
          for (const [path, value] of await fresh.open(who, await read(knex, who))) {
            expect(text(value)).toBe(valueFor(`o${o}`, `cp_${p}`, path));
            count += 1;
          }
        }
      return count;
    },
  };
}
