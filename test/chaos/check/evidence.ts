/** What a chaos run leaves behind, in plain values: all that the checker looks at. */
export interface Evidence {
  /** Every write that a client sent, with how it ended for that client. */
  readonly operations: readonly Operation[];
  /** What was read after a write of the same client, at whichever server. */
  readonly reads: readonly Read[];
  /** Every answer that a server gave, counted by what it said. */
  readonly answers: readonly AnswerCount[];
  readonly watches: readonly Watch[];
  readonly database: DatabaseState;
  /** What each server lists at the end. */
  readonly lists: readonly ServerList[];
  readonly messages: readonly Message[];
}

export type EventType =
  | "connection.created"
  | "connection.deleted"
  | "connection-profile.created"
  | "connection-profile.updated"
  | "connection-profile.deleted";

/** A write. Its client is the only one that writes the record. */
export interface Operation {
  readonly organization: string;
  readonly type: EventType;
  /** The same for the operation and for its event: the id of a connection, or a label that the write puts on a profile. */
  readonly key: string;
  /** Refused is a promise that nothing was written. Unknown is everything that leaves it open. */
  readonly outcome: "acknowledged" | "refused" | "unknown";
  /** Of an acknowledged one: the revision that it was answered with. */
  readonly revision: bigint | undefined;
  /** The code of the last answer, for the report. */
  readonly code: string;
}

/** A record that its client knows the state of, and what a server said of it. */
export interface Read {
  readonly organization: string;
  readonly id: string;
  readonly expected: string;
  readonly seen: string;
}

export interface AnswerCount {
  readonly call: string;
  readonly code: string;
  readonly reason: string;
  readonly text: string;
  readonly count: number;
}

/** What a watch of an organization's connections received, over all its streams. */
export interface Watch {
  readonly organization: string;
  readonly protocol: string;
  readonly streams: number;
  readonly changes: readonly { readonly revision: bigint; readonly type: string; readonly id: string }[];
}

export interface DatabaseState {
  readonly organizations: readonly { readonly id: string; readonly revision: bigint }[];
  /** In the order of organizations and revisions. */
  readonly events: readonly StoredEvent[];
  readonly connections: readonly Row[];
  readonly profiles: readonly Row[];
  /** The history of profiles: a row a write. */
  readonly history: readonly { readonly organization: string; readonly id: string; readonly revision: bigint }[];
}

export interface StoredEvent {
  readonly organization: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** What Kafka orders by. */
  readonly key: string;
  /** As in `Operation`. */
  readonly operation: string;
}

/** A record as the table has it: `state` is what the events must add up to. */
export interface Row {
  readonly organization: string;
  readonly id: string;
  readonly state: string;
}

/** The ids of the active connections and profiles of an organization. */
export interface ServerList {
  readonly server: string;
  readonly organization: string;
  readonly connections: readonly string[];
  readonly profiles: readonly string[];
}

export interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** `ce_id`. */
  readonly id: string;
  readonly organization: string;
  readonly revision: bigint;
  readonly value: string;
}

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly what: string;
}

export type FindingKind =
  | "lost write"
  | "write of a refused call"
  | "invented write"
  | "repeated write"
  | "skipped revision"
  | "table differs"
  | "API differs"
  | "stale read"
  | "missing event"
  | "reordered event"
  | "repetition differs"
  | "invented event"
  | "watch differs"
  | "wrong answer";
