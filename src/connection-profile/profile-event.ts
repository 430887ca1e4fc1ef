import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { type ConnectionProfile, ConnectionProfileSchema } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { NewEvent } from "../events/append-event.ts";
import type { Caller } from "../interceptors/caller.ts";

/**
 * What the event log keeps of a write: the profile as protobuf JSON in proto names, without its secrets. A created
 * profile has no `revision` and no `etag` in it yet: they come from the event, which has its own revision.
 */
export function profileEvent(
  happened: "created" | "deleted",
  { userId, requestId, traceparent }: Caller,
  profile: ConnectionProfile,
  occurredAt: Date,
): NewEvent {
  const record = toJson(ConnectionProfileSchema, profile, { useProtoFieldName: true }) as JsonObject;
  return {
    type: `connection-profile.${happened}`,
    subject: profile.id,
    key: profile.id,
    actor: userId,
    requestId,
    ...(traceparent === undefined ? {} : { traceparent }),
    occurredAt,
    data: { connection_profile: record },
  };
}
