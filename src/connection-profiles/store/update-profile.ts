import type { Knex } from "knex";
import { type ConnectionProfile, ProfileChange } from "../../../gen/connectory/v1/connection_profile_pb.js";
import type { Actor } from "../../interceptors/event-actor.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { toStoredConfig } from "../config/canonical-json.ts";
import type { ResolvedConfig } from "../config/resolve-config.ts";
import { appendRevision } from "./append-revision.ts";
import { lockProfile, profilesOf } from "./read-profile.ts";
import { countSecretAttempt } from "./secret-attempts.ts";
import { storeSecrets } from "./store-secrets.ts";

/** The new state of a profile. It was computed from the state with `etag` and is written over that state only. */
export interface ProfileUpdate {
  readonly id: string;
  readonly etag: string;
  readonly change: ProfileChange;
  readonly changedFields: readonly string[];
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * The new configuration, with the secrets to write (others remain) and to remove; undefined: configuration and secrets remain
   * unchanged.
   */
  readonly resolved: Omit<ResolvedConfig, "withSecrets" | "needsRebind"> | undefined;
}

/**
 * Updates a profile and appends its event. Returns undefined when the stored state has another etag. Throws TOO_MANY_ATTEMPTS
 * when the update has secrets and their limit is reached.
 */
export async function updateProfile(
  trx: Knex.Transaction,
  secretStore: SecretStore,
  caller: Actor,
  update: ProfileUpdate,
): Promise<ConnectionProfile | undefined> {
  const { organizationId, userId } = caller;
  const { id, change, changedFields, name, resolved } = update;
  const before = await lockProfile(trx, organizationId, id);
  if (before === undefined || before.etag !== update.etag || before.deletedAt !== undefined) return undefined;
  const now = new Date();
  await profilesOf(trx, organizationId)
    .where({ id })
    .update({
      name,
      labels: JSON.stringify(update.labels) as unknown as Record<string, string>,
      updated_at: now,
      updated_by: userId,
    });
  if (resolved !== undefined) {
    const { withoutSecrets, description, destination, newSecrets, removed } = resolved;
    if (newSecrets.size > 0) await countSecretAttempt(trx, caller, id);
    const config = JSON.stringify(toStoredConfig(withoutSecrets));
    await profilesOf(trx, organizationId).where({ id }).update({ config, description });
    const sealed = await secretStore.seal(trx, { organizationId, profileId: id, destination }, newSecrets);
    await storeSecrets(trx, organizationId, id, sealed, removed, now);
  }
  return appendRevision(trx, caller, { id, change, before, changedFields, now });
}

/** Sets or clears the time of deletion, and appends the event. The calling code holds the row's lock. */
export async function markDeleted(
  trx: Knex.Transaction,
  caller: Actor,
  before: ConnectionProfile,
  deleted: boolean,
): Promise<ConnectionProfile> {
  const now = new Date();
  const { id } = before;
  await profilesOf(trx, caller.organizationId)
    .where({ id })
    .update({ deleted_at: deleted ? now : null, updated_at: now, updated_by: caller.userId });
  const change = deleted ? ProfileChange.DELETED : ProfileChange.UNDELETED;
  return appendRevision(trx, caller, { id, change, before, changedFields: ["deleted_at"], now });
}
