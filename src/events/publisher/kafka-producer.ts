import { type Kafka, Partitioners } from "kafkajs";
import type { Logger } from "pino";
import { createKafkaClient, type KafkaTarget } from "../../kafka/kafka-client.ts";
import type { EventMessage } from "./event-sink.ts";

/** An idempotent producer. After any rejection it must be destroyed and not used again. */
export interface KafkaProducer {
  /** Connects and gets a producer id. */
  connect(): Promise<void>;
  /** Resolves when every partition has acknowledged. One call at a time. */
  send(messages: readonly EventMessage[]): Promise<void>;
  /** Waits for outstanding responses, then disconnects. */
  disconnect(): Promise<void>;
  /** Disconnects at once. */
  destroy(): void;
}

/** Returns a producer that is not connected yet. */
export function createKafkaProducer(target: KafkaTarget, log: Logger): KafkaProducer {
  const client = createKafkaClient(target, log);
  const unanswered = new Set<string>();
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // Retries within one send are safe: same messages, same sequence numbers. A topic that was just created may have no leader
    // for a moment; kafkajs then resends only the rejected batches, while the relay would send all of them again.
    retry: { retries: 4, initialRetryTime: 50, maxRetryTime: 500 },
    createPartitioner: () => {
      const partition = Partitioners.DefaultPartitioner(); // murmur2 of the key, as in other clients
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
    // When a partition moves, between two attempts of kafkajs, to a broker that answered the first attempt, its batch is not
    // sent again and the send resolves nevertheless. So each chosen partition must have answered.
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
 * Creates missing topics, with the broker's defaults of partitions and replicas. The permission to create is not needed when
 * all exist. (Auto-creation on first use returns an error to the producer first, and is disabled in many clusters.)
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
