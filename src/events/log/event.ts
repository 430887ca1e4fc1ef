import type { JsonObject } from "@bufbuild/protobuf";

/** The event types: the resource, a dot, what happened to it. Both name topics and payloads (cloud-events.ts). */
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
  /** Gap-free in its organization, in the order of the commits. */
  readonly revision: bigint;
  /** A UUID of version 7; of version 8 when it was made from a create's `request_id`. */
  readonly id: string;
  readonly type: EventType;
  /** The id of what it happened to. */
  readonly subject: string;
  /** Events of one organization with the same key stay in order on their way through Kafka. */
  readonly key: string;
  /** The user who did it. */
  readonly actor: string;
  readonly requestId: string;
  /** The W3C trace context of the call, if it had one: the span that is made of it, or else what its caller sent. */
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly occurredAt: Date;
  /**
   * The record under the name of its resource, `connection` or `connection_profile`: as it is after an event of type created or
   * updated, and as it was last after one of type deleted. Updated events (and deleted ones, where there is more to
   * tell) also have the record before, under `old_connection` or `old_connection_profile`. Events of type tested have what
   * was tried under `test`. Never a secret.
   */
  readonly data: JsonObject;
}
