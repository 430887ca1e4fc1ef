import type { EventType, Evidence, Message, StoredEvent } from "./evidence.ts";

/** A small run in which nothing went wrong: four writes, a repetition on Kafka, and a call whose end nobody knows. */
export function soundEvidence(): Evidence {
  const events = [
    event(1, "connection.created", "c1", "ann,bob"),
    event(2, "connection.created", "c2", "ann,carl"),
    event(3, "connection.deleted", "c1", "ann,bob"),
    event(4, "connection.created", "c3", "ann,bob"),
    event(5, "connection-profile.created", "cp_1", "cp_1"),
    event(6, "connection-profile.updated", "cp_1", "cp_1"),
  ];
  const messages = events.flatMap(messagesOf);
  const again = { ...at(messages, 0), offset: 100 };
  return {
    operations: events.map((one) => ({
      organization: "acme",
      type: one.type as EventType,
      key: one.operation,
      outcome: one.revision === 4n ? "unknown" : "acknowledged",
      revision: one.revision === 4n ? undefined : one.revision,
      code: "OK",
    })),
    reads: [{ organization: "acme", id: "c1", expected: "deleted", seen: "deleted" }],
    answers: [
      { call: "create-connection", code: "OK", reason: "", text: "", count: 3 },
      { call: "create-connection", code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE", text: "away", count: 9 },
    ],
    watches: [
      {
        organization: "acme",
        protocol: "grpc",
        streams: 2,
        changes: events.slice(0, 4).map(({ revision, type, subject }) => ({ revision, type, id: subject })),
      },
    ],
    database: {
      organizations: [{ id: "acme", revision: 6n }],
      events,
      connections: [
        { organization: "acme", id: "c1", state: "deleted, version 2" },
        { organization: "acme", id: "c2", state: "active, version 1" },
        { organization: "acme", id: "c3", state: "active, version 1" },
      ],
      profiles: [{ organization: "acme", id: "cp_1", state: "active, version 6" }],
      history: [
        { organization: "acme", id: "cp_1", revision: 5n },
        { organization: "acme", id: "cp_1", revision: 6n },
      ],
    },
    lists: [{ server: "server 1", organization: "acme", connections: ["c2", "c3"], profiles: ["cp_1"] }],
    messages: [...messages, again],
  };
}

function event(revision: number, type: EventType, subject: string, key: string): StoredEvent {
  const operation = type.startsWith("connection-profile") ? `op-${revision}` : subject;
  return { organization: "acme", revision: BigInt(revision), id: `e${revision}`, type, subject, key, operation };
}

function messagesOf({ type, organization, revision, key, id }: StoredEvent): Message[] {
  const common = {
    partition: 0,
    offset: Number(revision),
    key,
    organization,
    revision,
    value: `{"revision":${revision}}`,
  };
  const topic = type.replace(".", "-");
  return [
    { ...common, topic, id },
    { ...common, topic: `connectory-dbevent-${topic}`, id: `${id}-db` },
  ];
}

/** What stands at an index that is there. */
export function at<T>(all: readonly T[], index: number): T {
  const one = all.at(index);
  if (one === undefined) throw new Error(`there is no ${index} of ${all.length}`);
  return one;
}
