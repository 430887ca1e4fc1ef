import type { Kafka } from "kafkajs";

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
