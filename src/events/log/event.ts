import type { JsonObject } from "@bufbuild/protobuf";

/** The event types: the resource, a dot, the action. Both are parts of topics and payloads (cloud-events.ts). */
export type EventType =
  | "connection.created"
  | "connection.deleted"
  | "connection-profile.created"
  | "connection-profile.updated"
  | "connection-profile.deleted"
  | "connection-profile.expunged"
  | "connection-profile.tested";

/** A row of the event log. */
export interface StoredEvent {
  readonly organizationId: string;
  /** Gap-free within the organization, in commit order. */
  readonly revision: bigint;
  /** A UUID of version 7; of version 8 when it is derived from the `request_id` of a create. */
  readonly id: string;
  readonly type: EventType;
  /** The id of the changed resource. */
  readonly subject: string;
  /** Events of one organization with the same key keep their order in Kafka. */
  readonly key: string;
  /** The user who made the change. */
  readonly actor: string;
  readonly requestId: string;
  /** The W3C trace context of the call, if it had one: that of its exported span, or else that of the caller. */
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly occurredAt: Date;
  /**
   * The record under the name of its resource, `connection` or `connection_profile`: the new state for types created and
   * updated, the last state for type deleted. Updated events (and deleted ones, where the states differ in more) also have the
   * previous state, under `old_connection` or `old_connection_profile`. Events of type tested have the test under `test`. Never
   * contains a secret.
   */
  readonly data: JsonObject;
}
