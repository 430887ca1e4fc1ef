import type { Evidence, Finding, Message, StoredEvent } from "./evidence.ts";
import { groupBy } from "./group-by.ts";

/**
 * Each event has its two messages on Kafka. A message may come again, with the same id and the same content; the first copies of
 * one key stand in the order of revisions in their partition.
 */
export function checkMessages({ database, messages }: Evidence): Finding[] {
  const byId = groupBy(messages, ({ id }) => id);
  const expected = new Map(database.events.flatMap((event) => expectedOf(event).map((one) => [one.id, one])));
  return [
    ...[...expected.values()].flatMap((one) => checkCopies(one, byId.get(one.id) ?? [])),
    ...messages
      .filter(({ id }) => !expected.has(id))
      .map((message): Finding => ({ kind: "invented event", what: `${nameOf(message)} is no event of the log` })),
    ...checkOrder(messages),
  ];
}

type Expected = Pick<Message, "topic" | "id" | "key" | "organization" | "revision">;

function expectedOf({ type, id, key, organization, revision }: StoredEvent): Expected[] {
  const topic = type.replace(".", "-");
  return [
    { topic, id, key, organization, revision },
    { topic: `connectory-dbevent-${topic}`, id: `${id}-db`, key, organization, revision },
  ];
}

function checkCopies(expected: Expected, copies: readonly Message[]): Finding[] {
  const [first] = copies;
  if (first === undefined) return [{ kind: "missing event", what: `${nameOf(expected)} is not on Kafka` }];
  const same = (one: Expected, other: Expected) =>
    one.topic === other.topic &&
    one.key === other.key &&
    one.organization === other.organization &&
    one.revision === other.revision;
  return copies
    .filter((copy) => !same(copy, expected) || copy.value !== first.value || copy.partition !== first.partition)
    .map((copy) => ({ kind: "repetition differs", what: `${nameOf(copy)} is another than ${nameOf(expected)}` }));
}

function checkOrder(messages: readonly Message[]): Finding[] {
  const lines = groupBy(messages, (one) => `${one.topic}[${one.partition}] ${one.organization} ${one.key}`);
  return [...lines].flatMap(([line, copies]): Finding[] => {
    const firsts = [
      ...groupBy(
        copies.toSorted((a, b) => a.offset - b.offset),
        ({ id }) => id,
      ).values(),
    ];
    const revisions = firsts.map(([message]) => message?.revision ?? 0n);
    const wrong = revisions.findIndex((revision, index) => index > 0 && revision <= (revisions[index - 1] ?? 0n));
    if (wrong < 0) return [];
    return [{ kind: "reordered event", what: `${line}: ${revisions[wrong]} after ${revisions[wrong - 1]}` }];
  });
}

function nameOf({ topic, organization, revision, id }: Expected): string {
  return `${topic}: ${organization} revision ${revision} (${id})`;
}
