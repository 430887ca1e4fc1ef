import type { Knex } from "knex";
import { type ConnectionProfile, ProfileChange } from "../../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectorConfig } from "../../../gen/connectory/v1/connector_pb.js";
import type { Actor } from "../../interceptors/event-actor.ts";
import type { SecretStore, Secrets } from "../../secrets/secret-store.ts";
import { toStoredConfig } from "../config/canonical-json.ts";
import { appendRevision } from "./append-revision.ts";
import { profilesOf } from "./read-profile.ts";
import { storeSecrets } from "./store-secrets.ts";

/** A profile to be written. */
export interface NewProfile {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly connector: string;
  /** Without its secrets. */
  readonly config: ConnectorConfig;
  readonly description: string;
  readonly secrets: Secrets;
  /** The digest of the secrets' destination. */
  readonly destination: Uint8Array;
}

/**
 * Writes a profile with its secrets and its event. Returns the written profile, or undefined when the name is taken: the unique
 * index decides, so that of two concurrent writes one fails.
 */
export async function insertProfile(
  trx: Knex.Transaction,
  secretStore: SecretStore,
  caller: Actor,
  profile: NewProfile,
): Promise<ConnectionProfile | undefined> {
  const { organizationId, userId } = caller;
  const { id, name, connector, description, destination } = profile;
  const now = new Date();
  const inserted = await profilesOf(trx, organizationId)
    .insert({
      organization_id: organizationId,
      id,
      name,
      connector,
      config: JSON.stringify(toStoredConfig(profile.config)),
      description,
      labels: JSON.stringify(profile.labels) as unknown as Record<string, string>,
      // Both come from the event, which contains the profile: appendRevision sets them.
      etag: "",
      revision: 0n,
      created_at: now,
      updated_at: now,
      created_by: userId,
      updated_by: userId,
    })
    .onConflict(trx.raw("(organization_id, name) where deleted_at is null") as never)
    .ignore()
    .returning("id");
  if (inserted.length === 0) return undefined;
  const sealed = await secretStore.seal(trx, { organizationId, profileId: id, destination }, profile.secrets);
  await storeSecrets(trx, organizationId, id, sealed, [], now);
  return appendRevision(trx, caller, { id, change: ProfileChange.CREATED, changedFields: [], now });
}
