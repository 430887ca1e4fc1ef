import type { Knex } from "knex";
import { type ConnectionProfile, ProfileChange } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import type { Caller } from "../interceptors/caller.ts";
import type { Secrets, SecretVault } from "../secrets/open-vault.ts";
import { toStoredConfig } from "./profile-row.ts";
import { lockProfile, profilesOf } from "./read-profile.ts";
import { recordWrite } from "./record-write.ts";
import { storeSecrets } from "./store-secrets.ts";

/** What a profile becomes. It was made from the state with `etag`, and is written over that state only. */
export interface ProfileUpdate {
  readonly id: string;
  readonly etag: string;
  readonly change: ProfileChange;
  readonly changedFields: readonly string[];
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Without its secrets. */
  readonly config: ConnectorConfig;
  readonly description: string;
  /** Secrets to write; others stay. */
  readonly given: Secrets;
  readonly removed: readonly string[];
  /** Digest of where the secrets are sent. */
  readonly destination: Uint8Array;
}

/** Writes a profile anew, with its event. Undefined when it is not in the state with that etag any more. */
export async function updateProfile(
  trx: Knex.Transaction,
  vault: SecretVault,
  caller: Caller,
  update: ProfileUpdate,
): Promise<ConnectionProfile | undefined> {
  const { organizationId, userId } = caller;
  const { id, change, changedFields, name, description, given, removed, destination } = update;
  const before = await lockProfile(trx, organizationId, id);
  if (before === undefined || before.etag !== update.etag || before.deletedAt !== undefined) return undefined;
  const now = new Date();
  await profilesOf(trx, organizationId)
    .where({ id })
    .update({
      name,
      description,
      labels: JSON.stringify(update.labels) as unknown as Record<string, string>,
      config: JSON.stringify(toStoredConfig(update.config)),
      updated_at: now,
      updated_by: userId,
    });
  const sealed = await vault.seal(trx, { organizationId, profileId: id, destination }, given);
  await storeSecrets(trx, organizationId, id, sealed, removed, now);
  return recordWrite(trx, caller, { id, change, before, changedFields, now });
}

/** Sets or clears when a profile was deleted, with the event; the caller of it has the lock. */
export async function markDeleted(
  trx: Knex.Transaction,
  caller: Caller,
  before: ConnectionProfile,
  deleted: boolean,
): Promise<ConnectionProfile> {
  const now = new Date();
  const { id } = before;
  await profilesOf(trx, caller.organizationId)
    .where({ id })
    .update({ deleted_at: deleted ? now : null, updated_at: now, updated_by: caller.userId });
  const change = deleted ? ProfileChange.DELETED : ProfileChange.UNDELETED;
  return recordWrite(trx, caller, { id, change, before, changedFields: ["deleted_at"], now });
}
