import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import { appendEvent } from "../events/append-event.ts";
import type { Caller } from "../interceptors/caller.ts";
import { profileEvent } from "./profile-event.ts";
import { profilesOf, readProfile } from "./read-profile.ts";

/** What was there, and the organization's revision of its end. */
export interface RemovedProfile {
  readonly profile: ConnectionProfile;
  readonly revision: bigint;
}

/** Removes a profile with its secrets and logs the event. Undefined when there is none. */
export async function removeProfile(
  trx: Knex.Transaction,
  caller: Caller,
  id: string,
): Promise<RemovedProfile | undefined> {
  const { organizationId } = caller;
  // Locked before it is read: of two deletes at once the second finds nothing.
  await profilesOf(trx, organizationId).where({ id }).forUpdate().select("id");
  const profile = await readProfile(trx, organizationId, id);
  if (profile === undefined) return undefined;
  await profilesOf(trx, organizationId).where({ id }).delete();
  const revision = await appendEvent(trx, organizationId, profileEvent("deleted", caller, profile, new Date()));
  return { profile, revision };
}
