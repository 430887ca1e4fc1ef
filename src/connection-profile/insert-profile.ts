import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import { appendEvent } from "../events/append-event.ts";
import type { Caller } from "../interceptors/caller.ts";
import { profileEvent } from "./profile-event.ts";
import { type StoredSecret, toStoredConfig } from "./profile-row.ts";
import { profilesOf, readProfile, secretsOf } from "./read-profile.ts";

/** A profile that is about to be written. */
export interface NewProfile {
  readonly id: string;
  readonly name: string;
  readonly connector: string;
  /** Without its secrets. */
  readonly config: ConnectorConfig;
  readonly description: string;
  readonly secrets: readonly StoredSecret[];
}

/**
 * Writes a profile with its secrets and its event, and reads it back. Undefined when the name is taken: the unique
 * index decides, so that two at once cannot both find it free.
 */
export async function insertProfile(
  trx: Knex.Transaction,
  caller: Caller,
  profile: NewProfile,
): Promise<ConnectionProfile | undefined> {
  const { organizationId, userId } = caller;
  const { id, name, connector, description } = profile;
  const now = new Date();
  const inserted = await profilesOf(trx, organizationId)
    .insert({
      organization_id: organizationId,
      id,
      name,
      connector,
      config: JSON.stringify(toStoredConfig(profile.config)),
      description,
      // The event gives both, and it must hold the profile: they follow at the end.
      etag: "",
      revision: 0n,
      created_at: now,
      updated_at: now,
      created_by: userId,
      updated_by: userId,
    })
    .onConflict(["organization_id", "name"])
    .ignore()
    .returning("id");
  if (inserted.length === 0) return undefined;
  await insertSecrets(trx, organizationId, profile, now);
  const written = await mustRead(trx, organizationId, id);
  const revision = await appendEvent(trx, organizationId, profileEvent("created", caller, written, now));
  await profilesOf(trx, organizationId)
    .where({ id })
    .update({ revision, etag: etagOf(revision) });
  return mustRead(trx, organizationId, id);
}

async function insertSecrets(trx: Knex.Transaction, organizationId: string, { id, secrets }: NewProfile, now: Date) {
  const rows = secrets.map(({ path, keyId, ciphertext, fingerprint }) => ({
    organization_id: organizationId,
    profile_id: id,
    path,
    key_id: keyId,
    ciphertext: Buffer.from(ciphertext),
    fingerprint,
    updated_at: now,
  }));
  if (rows.length > 0) await secretsOf(trx, organizationId).insert(rows);
}

async function mustRead(trx: Knex.Transaction, organizationId: string, id: string): Promise<ConnectionProfile> {
  const profile = await readProfile(trx, organizationId, id);
  if (profile === undefined) throw new Error(`profile ${id} was written and is not there`);
  return profile;
}

/** A revision belongs to one write of one organization, so it tells any two writes of a profile apart. */
function etagOf(revision: bigint): string {
  return `r${revision}`;
}
