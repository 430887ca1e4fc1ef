import { create, type JsonObject } from "@bufbuild/protobuf";
import { type ConnectionProfile, ConnectionProfileSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import type { NewEvent } from "../../events/log/append-event.ts";
import type { EventType } from "../../events/log/event.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { toEventRecord } from "./profile-row.ts";

/** The states before and after a change. `before` is undefined for a new profile, `after` for a deleted one. */
export interface ProfileChangeData {
  readonly before?: ConnectionProfile | undefined;
  readonly after?: ConnectionProfile | undefined;
}

/**
 * Returns the event of a write: the profile as protobuf JSON in proto names, without its secrets and their fingerprints. The
 * state after the write has no `revision` and no `etag` yet: both come from the event's own revision.
 */
export function profileEvent(
  happened: "created" | "updated" | "deleted",
  caller: Actor,
  { before, after }: ProfileChangeData,
  occurredAt: Date,
): NewEvent {
  const id = after?.id ?? before?.id ?? "";
  const data: JsonObject = {
    connection_profile: after === undefined ? toEventRecord(mustBe(before)) : unrevised(after),
  };
  if (before !== undefined && after !== undefined) data.old_connection_profile = toEventRecord(before);
  return auditEvent(`connection-profile.${happened}`, caller, { subject: id, data }, occurredAt);
}

/** Returns an event with the caller's user, request and trace. */
export function auditEvent(
  type: EventType,
  { userId, requestId, traceparent, tracestate }: Actor,
  { subject, data }: { readonly subject: string; readonly data: JsonObject },
  occurredAt: Date,
): NewEvent {
  return {
    type,
    subject,
    key: subject,
    actor: userId,
    requestId,
    traceparent,
    tracestate,
    occurredAt,
    data,
  };
}

function unrevised(profile: ConnectionProfile): JsonObject {
  return toEventRecord(create(ConnectionProfileSchema, { ...profile, revision: 0n, etag: "" }));
}

function mustBe(profile: ConnectionProfile | undefined): ConnectionProfile {
  if (profile === undefined) throw new Error("an event needs a profile");
  return profile;
}
