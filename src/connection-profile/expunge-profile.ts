import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import { appendEvent } from "../events/append-event.ts";
import type { Caller } from "../interceptors/caller.ts";
import { profileEvent } from "./profile-event.ts";
import { profilesOf } from "./read-profile.ts";

/** Removes a profile with its secrets and its history, with the event; the caller of it has the lock. */
export async function expungeProfile(
  trx: Knex.Transaction,
  caller: Caller,
  before: ConnectionProfile,
): Promise<bigint> {
  await profilesOf(trx, caller.organizationId).where({ id: before.id }).delete();
  await trx("connection_profile_request")
    .where({ organization_id: caller.organizationId })
    .whereRaw("record ->> 'id' = ?", [before.id])
    .delete();
  return appendEvent(trx, caller.organizationId, profileEvent("expunged", caller, { before }, new Date()));
}
