import { create } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import {
  type ConnectionProfile,
  ConnectionProfileSchema,
  ProfileChange,
} from "../../../gen/connectory/v1/connection_profile_pb.js";
import { appendEvent } from "../../events/log/append-event.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { profileEvent } from "./profile-event.ts";
import { toRecord } from "./profile-row.ts";
import { profilesOf, readProfile } from "./read-profile.ts";

/** A write whose rows are complete except for the revision. */
export interface ProfileRevision {
  readonly id: string;
  readonly change: ProfileChange;
  /** The previous state. Default: none, for a new profile. */
  readonly before?: ConnectionProfile;
  readonly changedFields: readonly string[];
  readonly now: Date;
}

/** A row of connection_profile_revision. */
export interface RevisionRow {
  organization_id: string;
  profile_id: string;
  revision: bigint;
  change: string;
  changed_fields: string[];
  record: object;
  created_at: Date;
  created_by: string;
}

const eventName: Readonly<Record<ProfileChange, "created" | "updated" | "deleted">> = {
  [ProfileChange.UNSPECIFIED]: "updated",
  [ProfileChange.CREATED]: "created",
  [ProfileChange.UPDATED]: "updated",
  [ProfileChange.DELETED]: "deleted",
  [ProfileChange.UNDELETED]: "updated",
  [ProfileChange.ROLLED_BACK]: "updated",
};

/**
 * Completes a write: appends its event, sets the event's revision and an etag in the profile, adds the state to the profile's
 * history, and returns it. Must be the last statements of the transaction, because the event locks the organization.
 */
export async function appendRevision(
  trx: Knex.Transaction,
  caller: Actor,
  { id, change, before, changedFields, now }: ProfileRevision,
): Promise<ConnectionProfile> {
  const { organizationId, userId } = caller;
  const after = await readProfile(trx, organizationId, id);
  if (after === undefined) throw new Error(`profile ${id} was written and is not there`);
  const states = change === ProfileChange.DELETED ? { before } : { before, after };
  const revision = await appendEvent(trx, organizationId, profileEvent(eventName[change], caller, states, now));
  // A revision belongs to one write of one organization, so it distinguishes any two states of a profile.
  const etag = `r${revision}`;
  await profilesOf(trx, organizationId).where({ id }).update({ revision, etag });
  const written = create(ConnectionProfileSchema, { ...after, revision, etag });
  await trx<RevisionRow>("connection_profile_revision").insert({
    organization_id: organizationId,
    profile_id: id,
    revision,
    change: ProfileChange[change],
    changed_fields: [...changedFields],
    record: toRecord(written),
    created_at: now,
    created_by: userId,
  });
  return written;
}
