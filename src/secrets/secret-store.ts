import type { Knex } from "knex";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";
import { decryptV1Secret } from "./crypto/decrypt-v1-secret.ts";
import { decryptSecret, destinationFromHeader, encryptSecret, fingerprintSecret } from "./crypto/encrypt-secret.ts";
import { type KeyProblem, openDataKeys } from "./keys/data-keys.ts";
import type { KeyRing } from "./keys/key-ring.ts";
import { type DestinationOf, upgradeSecrets } from "./upgrade-secrets.ts";
/** The reason why a stored secret cannot be read. OTHER_DESTINATION: it is intact, but bound to another destination. */
export type SecretProblem = KeyProblem | "OTHER_DESTINATION" | "ALTERED";

/** The value of a stored secret, or the reason why it cannot be read. */
export type OpenedSecret =
  | { readonly path: string; readonly value: Uint8Array }
  | { readonly path: string; readonly problem: SecretProblem };

/** Encrypts and decrypts the secrets of profiles. */
export interface SecretStore {
  /**
   * Encrypts values under the organization's current data key, which is created with the first secret. Uses only the given
   * transaction. Throws ApiError SECRET_UNREADABLE when that key cannot be read.
   */
  seal(trx: Knex.Transaction, owner: SecretOwner, values: Secrets): Promise<readonly StoredSecret[]>;
  /**
   * Returns the decrypted secrets. Throws ApiError SECRET_UNREADABLE with the paths of all unreadable ones. Not for use inside
   * a transaction.
   */
  open(owner: SecretOwner, stored: readonly StoredSecret[]): Promise<Secrets>;
  /** Returns the value or the problem of each secret. Rejects only when the database does. */
  openEach(owner: SecretOwner, stored: readonly StoredSecret[]): Promise<readonly OpenedSecret[]>;
  /** Encrypts secrets of version 0.1 under data keys. Returns their number. Runs at every start. */
  upgrade(destinationOf: DestinationOf): Promise<number>;
}

/** Returns the secret store. `verifyKeys` must have succeeded before. */
export function openSecretStore({ knex, keys, log }: { knex: Knex; keys: KeyRing; log: Logger }): SecretStore {
  const dataKeys = openDataKeys(keys);

  const openOne = async (owner: SecretOwner, stored: StoredSecret, again = true): Promise<OpenedSecret> => {
    const { path, keyId, dataKeyId, ciphertext } = stored;
    const place = { ...owner, path };
    if (keyId !== null) {
      const kek = await keys.find(keyId);
      if (kek === undefined) return { path, problem: "KEY_MISSING" };
      const value = decryptV1Secret(kek, place, ciphertext);
      return value === undefined ? { path, problem: "ALTERED" } : { path, value };
    }
    const key = await dataKeys.find(knex, owner.organizationId, dataKeyId ?? "");
    if (key === "DATA_KEY_MISSING" && again) {
      // A rotation has encrypted the secret again and removed its key since the row was read.
      const now = await readSecret(knex, owner, path);
      if (now !== undefined && now.dataKeyId !== dataKeyId) return openOne(owner, now, false);
    }
    if (typeof key === "string") return { path, problem: key };
    const value = decryptSecret(key, place, ciphertext);
    if (value !== undefined) return { path, value };
    const elsewhere = decryptSecret(key, { ...place, destination: destinationFromHeader(ciphertext) }, ciphertext);
    return { path, problem: elsewhere === undefined ? "ALTERED" : "OTHER_DESTINATION" };
  };

  const openEach: SecretStore["openEach"] = (owner, stored) =>
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
        return { path, keyId: null, dataKeyId: key.id, ciphertext: encryptSecret(key, place, value), fingerprint };
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
): ApiError {
  log.error({ organizationId, profileId, secrets: broken }, "stored secrets cannot be read");
  const paths = broken.map(({ path }) => path);
  const description = "the stored value cannot be read with the server's keys: give it again";
  return new ApiError(
    ErrorReason.SECRET_UNREADABLE,
    `the stored ${paths.length === 1 ? "secret" : "secrets"} ${paths.join(", ")} cannot be read with the server's keys: give ${paths.length === 1 ? "it" : "them"} again`,
    {
      metadata: { path: paths.join(",") },
      preconditionViolations: paths.map((subject) => ({ type: "SECRET_UNREADABLE", subject, description })),
    },
  );
}

function organizationUnreadable(organizationId: string, problem: KeyProblem, log: Logger): ApiError {
  log.error(
    { organizationId, problem },
    "the data key of the organization cannot be read: `npm run secrets:rotate -- --data-keys` makes a new one",
  );
  return new ApiError(
    ErrorReason.SECRET_UNREADABLE,
    "the organization's data key cannot be read with the server's keys, so that nothing can be encrypted: its operator must look at it",
  );
}

/** The bytes of a configuration's secrets by path. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/** The profile of secrets, and their destination. */
export interface SecretOwner {
  readonly organizationId: string;
  readonly profileId: string;
  /** SHA-256 of every field that decides where the secrets are sent. */
  readonly destination: Uint8Array;
}

/** An encrypted secret of a profile. */
export interface StoredSecret {
  /** The field's path inside the configuration. */
  readonly path: string;
  /** The id of the key-encryption key, for secrets of version 0.1; null for all later ones. */
  readonly keyId: string | null;
  /** The id of the data key. Null exactly when `keyId` is not. */
  readonly dataKeyId: string | null;
  readonly ciphertext: Uint8Array;
  /** 16 hexadecimal digits that distinguish two values of this field. A rotation of keys does not change them. */
  readonly fingerprint: string;
}
