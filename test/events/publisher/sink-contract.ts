import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { type EventMessage, type EventSink, MessagesTooLarge } from "../../../src/events/publisher/event-sink.ts";

/** What a sink is tried with. */
export interface SinkUnderTest {
  readonly sink: EventSink;
  /** The next publish is stored, and rejects all the same because the answer is lost. */
  loseNextAnswer(): void;
  /** Everything in a topic, the messages of one key in their order. */
  stored(topic: string): Promise<readonly EventMessage[]>;
}

/** What the relay relies on, whatever the sink. */
export function testSinkContract(open: () => SinkUnderTest): void {
  test("all that is resolved is stored as it was given, in order per key, in any number of topics", async () => {
    const { sink, stored } = open();
    const [one, other] = [newTopic(), newTopic()];
    const messages = [...run(one, "a,b", 40), ...run(other, "a,b", 40), ...run(one, "c,d", 40)];
    await sink.publish(messages);
    expect(inKeyOrder(await stored(one))).toEqual([...run(one, "a,b", 40), ...run(one, "c,d", 40)]);
    expect(await stored(other)).toEqual(run(other, "a,b", 40));
    await sink.close();
  });

  test("more than one request can carry is stored in order too", async () => {
    const { sink, stored } = open();
    const topic = newTopic();
    const messages = run(topic, "a,b", 60, "x".repeat(50_000));
    await sink.publish(messages);
    expect(await stored(topic)).toEqual(messages);
    await sink.close();
  });

  test("a message that is too large is refused as such, and what comes after it is stored", async () => {
    const { sink, stored } = open();
    const topic = newTopic();
    await expect(sink.publish(run(topic, "a,b", 1, "x".repeat(1_100_000)))).rejects.toBeInstanceOf(MessagesTooLarge);
    const small = run(topic, "a,b", 3);
    await sink.publish(small);
    expect(firstCopies(await stored(topic))).toEqual(small);
    await sink.close();
  });

  test("after an answer was lost: the same again, then others of the same number, and nothing is missing", async () => {
    const { sink, stored, loseNextAnswer } = open();
    const topic = newTopic();
    const [first, second, third] = [run(topic, "a,b", 3, "1"), run(topic, "a,b", 3, "2"), run(topic, "a,b", 3, "3")];
    await sink.publish(first);
    loseNextAnswer();
    await expect(sink.publish(second)).rejects.toThrow();
    await sink.publish(second);
    await sink.publish(third);
    expect(firstCopies(await stored(topic))).toEqual([...first, ...second, ...third]);
    await sink.close();
  });

  test("a caller who goes on with other messages after a lost answer does not lose those", async () => {
    const { sink, stored, loseNextAnswer } = open();
    const topic = newTopic();
    const [first, second] = [run(topic, "a,b", 3, "1"), run(topic, "a,b", 3, "2")];
    await sink.publish(run(topic, "a,b", 1, "0"));
    loseNextAnswer();
    await expect(sink.publish(first)).rejects.toThrow();
    await sink.publish(second);
    expect(await stored(topic)).toEqual(expect.arrayContaining(second));
    await sink.close();
  });

  test("a closed sink stores nothing", async () => {
    const { sink, stored } = open();
    const topic = newTopic();
    await sink.close();
    await expect(sink.publish(run(topic, "a,b", 1))).rejects.toThrow("closed");
    expect(await stored(topic)).toEqual([]);
  });
}

/** Only the first message with each id. */
export function firstCopies(messages: readonly EventMessage[]): EventMessage[] {
  const seen = new Set<string | undefined>();
  return messages.filter(({ headers }) => !seen.has(headers.ce_id) && seen.add(headers.ce_id));
}

function run(topic: string, key: string, count: number, text = ""): EventMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    topic,
    key,
    value: JSON.stringify({ index, text }),
    headers: { ce_id: `${topic} ${key} ${text.slice(0, 5)} ${index}`, "content-type": "application/json" },
  }));
}

function newTopic(): string {
  return `contract-${randomUUID()}`;
}

function inKeyOrder(messages: readonly EventMessage[]): EventMessage[] {
  return messages.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
