import type { Knex } from "knex";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { appendEvent } from "../../events/log/append-event.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { eraseEvents, expungedData } from "./erase-events.ts";
import { auditEvent } from "./profile-event.ts";
import { profilesOf } from "./read-profile.ts";

/**
 * Removes a profile with its secrets, its history and the content of its events, and appends an event. Returns its revision.
 * The calling code holds the row's lock.
 */
export async function expungeProfile(trx: Knex.Transaction, caller: Actor, { id }: ConnectionProfile): Promise<bigint> {
  await profilesOf(trx, caller.organizationId).where({ id }).delete();
  await trx("connection_profile_request")
    .where({ organization_id: caller.organizationId })
    .whereRaw("record ->> 'id' = ?", [id])
    .delete();
  await trx("secret_attempt").where({ organization_id: caller.organizationId, subject: id }).delete();
  await eraseEvents(trx, caller.organizationId, id);
  const what = { subject: id, data: expungedData(id) };
  return appendEvent(trx, caller.organizationId, auditEvent("connection-profile.expunged", caller, what, new Date()));
}
