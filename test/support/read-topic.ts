import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";
import type { EventMessage } from "../../src/events/publisher/event-sink.ts";
import { patchKafkajs } from "../../src/kafka/patch-kafkajs.ts";

/** Everything that is in a topic now, partition after partition, each in order. A topic that does not exist is empty. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<EventMessage[]> {
  patchKafkajs();
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    if (!(await admin.listTopics()).includes(topic)) return [];
    const offsets = await admin.fetchTopicOffsets(topic);
    const ends = new Map(
      offsets.filter(({ high }) => high !== "0").map(({ partition, high }) => [partition, BigInt(high)]),
    );
    return ends.size === 0 ? [] : await consume(kafka, topic, ends);
  } finally {
    await admin.disconnect();
  }
}

async function consume(kafka: Kafka, topic: string, ends: Map<number, bigint>): Promise<EventMessage[]> {
  const partitions = new Map<number, EventMessage[]>([...ends.keys()].map((partition) => [partition, []]));
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ partition, message: { key, value, headers, offset } }) => {
      partitions.get(partition)?.push({
        topic,
        key: String(key),
        value: String(value),
        headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])),
      });
      if (BigInt(offset) + 1n >= (ends.get(partition) ?? 0n)) ends.delete(partition);
      if (ends.size === 0) resolve();
    },
  });
  await done;
  await consumer.disconnect();
  return [...partitions.values()].flat();
}
