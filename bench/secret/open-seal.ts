import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import { pino } from "pino";
import { openKnex } from "../../src/database/open-knex.ts";
import { encryptSecret, fingerprintSecret } from "../../src/secrets/crypto/encrypt-secret.ts";
import { openDataKeys } from "../../src/secrets/keys/data-keys.ts";
import { fixedKeyRing } from "../../src/secrets/keys/key-ring.ts";
import { registerKey } from "../../src/secrets/keys/verify-keys.ts";
import { openSecretStore } from "../../src/secrets/secret-store.ts";
import { createScratchDatabase } from "../create-scratch-database.ts";
import type { Database } from "../database.ts";
import type { Caller } from "../load/caller.ts";

const value = randomBytes(32);
const owner = { organizationId: "bench", profileId: "cp_0123456789abcdefghij", destination: randomBytes(32) };
const path = "password";

/**
 * A call seals a secret and opens it again as the secret store does when it has the data key: sealing without the statement
 * that locks the key's row (that is in CreateConnectionProfile), opening through the secret store itself.
 */
export async function openSeal(server: Database, stack: AsyncDisposableStack): Promise<Caller> {
  const database = await createScratchDatabase(server, "bench_secret", "");
  const knex = openKnex({ ...database, password: "" }, 1);
  stack.defer(() => knex.destroy());
  const kek = { id: "bench", key: randomBytes(32) };
  const keys = fixedKeyRing([kek]);
  await registerKey(knex, kek);
  const secretStore = openSecretStore({ knex, keys, log: pino({ level: "silent" }) });
  const [stored] = await knex.transaction((trx) => secretStore.seal(trx, owner, new Map([[path, value]])));
  const key = await openDataKeys(keys).find(knex, owner.organizationId, stored?.dataKeyId ?? "");
  if (stored === undefined || typeof key === "string") throw new Error(`no data key: ${key}`);
  const place = { ...owner, path };
  return {
    async call() {
      const sealed = {
        ...stored,
        ciphertext: encryptSecret(key, place, value),
        fingerprint: fingerprintSecret(key, place, value),
      };
      if ((await secretStore.open(owner, [sealed])).get(path)?.length !== value.length)
        throw new Error("not what was sealed");
    },
    close: async () => undefined,
  };
}

/** The same bytes by AES-256-GCM of node:crypto: a random nonce, and as much context as the secret store authenticates. */
export function openBareSeal(): Caller {
  const key = createSecretKey(randomBytes(32));
  const context = randomBytes(89);
  return {
    async call() {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(context);
      const sealed = Buffer.concat([cipher.update(value), cipher.final()]);
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 }).setAAD(context);
      const opened = Buffer.concat([decipher.setAuthTag(cipher.getAuthTag()).update(sealed), decipher.final()]);
      if (opened.length !== value.length) throw new Error("not what was sealed");
    },
    close: async () => undefined,
  };
}
