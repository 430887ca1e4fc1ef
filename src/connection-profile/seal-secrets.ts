import type { StoredSecret } from "./profile-row.ts";
import { openSecret, type SecretKeys, type SecretPlace, sealSecret } from "./seal-secret.ts";
import type { Secrets } from "./split-secrets.ts";

/** Whose secrets they are. */
type Owner = Omit<SecretPlace, "path">;

/** Encrypts the secrets of a profile, each bound to its own field. */
export function sealSecrets(keys: SecretKeys, owner: Owner, secrets: Secrets): readonly StoredSecret[] {
  return [...secrets].map(([path, value]) => ({ path, ...sealSecret(keys, { ...owner, path }, value) }));
}

/** Decrypts the secrets of a profile. Throws Failure SECRET_UNREADABLE when one of them cannot be read. */
export function openSecrets(keys: SecretKeys, owner: Owner, stored: readonly StoredSecret[]): Secrets {
  return new Map(stored.map((sealed) => [sealed.path, openSecret(keys, { ...owner, path: sealed.path }, sealed)]));
}
