import type { Knex } from "knex";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import type { KeyRing } from "./key-ring.ts";
import { type KeyProblem, openDataKeys } from "./open-data-keys.ts";
import { openV1Secret } from "./open-v1-secret.ts";
import { claimedDestination, fingerprintSecret, openSecret, sealSecret } from "./seal-secret.ts";
import type { SecretOwner, Secrets, StoredSecret } from "./stored-secret.ts";
import { type DestinationOf, upgradeSecrets } from "./upgrade-secrets.ts";

export type { SecretOwner, Secrets, StoredSecret } from "./stored-secret.ts";

/** Why a stored secret cannot be read. OTHER_DESTINATION: it is whole, and was given for another destination. */
export type SecretProblem = KeyProblem | "OTHER_DESTINATION" | "ALTERED";

/** A stored secret's value, or why it has none. */
export type OpenedSecret =
  | { readonly path: string; readonly value: Uint8Array }
  | { readonly path: string; readonly problem: SecretProblem };

/** Encrypts and decrypts the secrets of profiles. */
export interface SecretVault {
  /** Seals values under the organization's current data key, which is made with the first one. Uses the transaction alone. */
  seal(trx: Knex.Transaction, owner: SecretOwner, values: Secrets): Promise<readonly StoredSecret[]>;
  /** Throws Failure SECRET_UNREADABLE that names every secret of these that cannot be read. Not for inside a transaction. */
  open(owner: SecretOwner, stored: readonly StoredSecret[]): Promise<Secrets>;
  /** Says for each what is wrong with it. Throws only when the database cannot be asked. */
  openEach(owner: SecretOwner, stored: readonly StoredSecret[]): Promise<readonly OpenedSecret[]>;
  /** Seals what version 0.1 has left under data keys, and answers with how many there were. For every start. */
  upgrade(destinationOf: DestinationOf): Promise<number>;
}

/** `checkKeys` comes before. */
export function openVault({ knex, keys, log }: { knex: Knex; keys: KeyRing; log: Logger }): SecretVault {
  const dataKeys = openDataKeys(keys);

  const openOne = async (owner: SecretOwner, stored: StoredSecret, again = true): Promise<OpenedSecret> => {
    const { path, keyId, dataKeyId, ciphertext } = stored;
    const place = { ...owner, path };
    if (keyId !== null) {
      const kek = await keys.find(keyId);
      if (kek === undefined) return { path, problem: "KEY_MISSING" };
      const value = openV1Secret(kek, place, ciphertext);
      return value === undefined ? { path, problem: "ALTERED" } : { path, value };
    }
    const key = await dataKeys.find(knex, owner.organizationId, dataKeyId ?? "");
    if (key === "DATA_KEY_MISSING" && again) {
      // A rotation has encrypted it anew and removed the key since the caller has read it.
      const now = await readSecret(knex, owner, path);
      if (now !== undefined && now.dataKeyId !== dataKeyId) return openOne(owner, now, false);
    }
    if (typeof key === "string") return { path, problem: key };
    const value = openSecret(key, place, ciphertext);
    if (value !== undefined) return { path, value };
    const elsewhere = openSecret(key, { ...place, destination: claimedDestination(ciphertext) }, ciphertext);
    return { path, problem: elsewhere === undefined ? "ALTERED" : "OTHER_DESTINATION" };
  };

  const openEach: SecretVault["openEach"] = (owner, stored) =>
    Promise.all(stored.map((secret) => openOne(owner, secret)));

  return {
    openEach,
    seal: async (trx, owner, values) => {
      if (values.size === 0) return [];
      const key = await dataKeys.current(trx, owner.organizationId);
      if (typeof key === "string") throw organizationUnreadable(owner.organizationId, key, log);
      return [...values].map(([path, value]) => {
        const place = { ...owner, path };
        const fingerprint = fingerprintSecret(key, place, value);
        return { path, keyId: null, dataKeyId: key.id, ciphertext: sealSecret(key, place, value), fingerprint };
      });
    },
    open: async (owner, stored) => {
      const opened = await openEach(owner, stored);
      const broken = opened.filter((secret) => "problem" in secret);
      if (broken.length > 0) throw unreadable(owner, broken, log);
      return new Map(opened.flatMap((secret) => ("value" in secret ? [[secret.path, secret.value] as const] : [])));
    },
    upgrade: (destinationOf) => upgradeSecrets({ knex, keys, dataKeys, destinationOf, log }),
  };
}

async function readSecret(
  knex: Knex,
  { organizationId, profileId }: SecretOwner,
  path: string,
): Promise<StoredSecret | undefined> {
  const { rows } = await knex.raw<{ rows: StoredSecret[] }>(
    `select path, key_id as "keyId", data_key_id as "dataKeyId", ciphertext, fingerprint from connection_profile_secret
     where organization_id = ? and profile_id = ? and path = ?`,
    [organizationId, profileId, path],
  );
  return rows[0];
}

function unreadable(
  { organizationId, profileId }: SecretOwner,
  broken: readonly { path: string; problem: SecretProblem }[],
  log: Logger,
): Failure {
  log.error({ organizationId, profileId, secrets: broken }, "stored secrets cannot be read");
  const paths = broken.map(({ path }) => path);
  const description = "the stored value cannot be read with the server's keys: give it again";
  return new Failure(
    ErrorReason.SECRET_UNREADABLE,
    `the stored ${paths.length === 1 ? "secret" : "secrets"} ${paths.join(", ")} cannot be read with the server's keys: give ${paths.length === 1 ? "it" : "them"} again`,
    {
      metadata: { path: paths.join(",") },
      preconditionViolations: paths.map((subject) => ({ type: "SECRET_UNREADABLE", subject, description })),
    },
  );
}

function organizationUnreadable(organizationId: string, problem: KeyProblem, log: Logger): Failure {
  log.error(
    { organizationId, problem },
    "the data key of the organization cannot be read: `npm run secrets:rotate -- --data-keys` makes a new one",
  );
  return new Failure(
    ErrorReason.SECRET_UNREADABLE,
    "the organization's data key cannot be read with the server's keys, so that nothing can be encrypted: its operator must look at it",
  );
}
