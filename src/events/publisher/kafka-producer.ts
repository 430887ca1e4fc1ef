import { type Kafka, Partitioners } from "kafkajs";
import type { Logger } from "pino";
import { createKafkaClient, type KafkaTarget } from "../../kafka/kafka-client.ts";
import type { EventMessage } from "./event-sink.ts";

/** An idempotent producer. Once anything of it has rejected it must be destroyed and never used again. */
export interface KafkaProducer {
  /** Dials and gets a producer id. */
  connect(): Promise<void>;
  /** One request: resolves when every partition has acknowledged. One at a time. */
  send(messages: readonly EventMessage[]): Promise<void>;
  /** Waits for answers that are due, then ends. */
  disconnect(): Promise<void>;
  /** Ends at once. */
  destroy(): void;
}

/** Dials nothing yet. */
export function createKafkaProducer(target: KafkaTarget, log: Logger): KafkaProducer {
  const client = createKafkaClient(target, log);
  const unanswered = new Set<string>();
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // Within one send trying again is safe: same messages, same numbers. A topic that was just created may have no
    // leader for a moment; kafkajs then sends only what was refused, where the relay would send all of it again.
    retry: { retries: 4, initialRetryTime: 50, maxRetryTime: 500 },
    createPartitioner: () => {
      const partition = Partitioners.DefaultPartitioner(); // murmur2 of the key, as every other client does
      return (message) => {
        const chosen = partition(message);
        unanswered.add(`${message.topic} ${chosen}`);
        return chosen;
      };
    },
  });
  const topics = new Set<string>();

  const send = async (messages: readonly EventMessage[]) => {
    const byTopic = Map.groupBy(messages, ({ topic }) => topic);
    const unknown = [...byTopic.keys()].filter((topic) => !topics.has(topic));
    if (unknown.length > 0) {
      await ensureTopics(client.kafka, unknown);
      for (const topic of unknown) topics.add(topic);
    }
    unanswered.clear();
    const answers = await producer.sendBatch({
      acks: -1,
      timeout: 10_000,
      topicMessages: [...byTopic].map(([topic, some]) => ({
        topic,
        messages: some.map(({ key, value, headers }) => ({ key, value, headers: { ...headers } })),
      })),
    });
    // When a partition moves between kafkajs's own two tries to a broker that answered the first, it is not sent
    // again, and the send resolves nevertheless. So each partition that was chosen must have answered.
    for (const { topicName, partition } of answers) unanswered.delete(`${topicName} ${partition}`);
    if (unanswered.size > 0) throw new Error(`no answer for ${[...unanswered].join(", ")}`);
  };

  return {
    connect: () => producer.connect(),
    send,
    disconnect: () => producer.disconnect(),
    destroy: client.destroy,
  };
}

/**
 * Creates those topics that do not exist, with the broker's own default of partitions and replicas. Where they exist
 * the right to create is not needed. (To let the broker create them on first use would give the producer an error
 * first, and many clusters have that switched off.)
 */
export async function ensureTopics(kafka: Kafka, topics: readonly string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const missing = await isAnyMissing(() => admin.fetchTopicMetadata({ topics: [...topics] }));
    if (missing) await admin.createTopics({ topics: topics.map((topic) => ({ topic })), timeout: 10_000 });
  } finally {
    await admin.disconnect();
  }
}

async function isAnyMissing(describe: () => Promise<unknown>): Promise<boolean> {
  try {
    await describe();
    return false;
  } catch (error) {
    if (error instanceof Error && "type" in error && error.type === "UNKNOWN_TOPIC_OR_PARTITION") return true;
    throw error;
  }
}
