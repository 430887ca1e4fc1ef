import type { Logger } from "pino";
import type { KafkaTarget } from "../../kafka/kafka-client.ts";
import { type EventMessage, type EventSink, MessagesTooLarge } from "./event-sink.ts";
import { createKafkaProducer, type KafkaProducer } from "./kafka-producer.ts";

/** Milliseconds after which a connect or a send has failed, whatever kafkajs still retries. */
const deadlineMs = 30_000;
/**
 * Milliseconds after which an idle connection is closed: the network may drop it silently, and the next send would wait for its
 * timeout.
 */
const idleMs = 10_000;
/** The maximum of one request, below the 1 MiB that brokers accept in one batch of a partition (message.max.bytes). */
const maxRequestBytes = 900_000;

/**
 * Returns a sink that publishes to Kafka. A producer is not used again after a failed send: kafkajs (2.2.4) then reuses the
 * sequence numbers of the messages. If the broker had stored them and only its response was lost, the next send of the same
 * size with other messages has numbers that the broker knows: it acknowledges them as a duplicate and stores nothing. A new
 * producer has a new id, so its numbers cannot match.
 */
export function createKafkaSink(target: KafkaTarget, log: Logger): EventSink {
  let producer: KafkaProducer | undefined;
  let idle: NodeJS.Timeout | undefined;
  let closed = false;
  let publishing = false;

  const destroyProducer = () => {
    producer?.destroy();
    producer = undefined;
  };

  const disconnectIdle = () => {
    const done = producer;
    producer = undefined;
    done?.disconnect().catch((err: unknown) => log.debug({ err }, "an idle Kafka connection did not close in order"));
  };

  const publishAll = async (messages: readonly EventMessage[]) => {
    if (producer === undefined) {
      producer = createKafkaProducer(target, log);
      await withDeadline(deadlineMs, "connecting to Kafka", producer.connect());
    }
    for (const batch of split(messages)) {
      if (closed) throw new Error("the sink is closed");
      await withDeadline(deadlineMs, "sending to Kafka", producer.send(batch));
    }
  };

  return {
    async publish(messages) {
      if (closed || publishing) throw new Error(closed ? "the sink is closed" : "one publish at a time");
      publishing = true;
      clearTimeout(idle);
      try {
        await publishAll(messages);
        idle = setTimeout(disconnectIdle, idleMs).unref();
      } catch (error) {
        destroyProducer();
        throw isTooLarge(error) ? new MessagesTooLarge("Kafka takes no message of this size", { cause: error }) : error;
      } finally {
        publishing = false;
      }
    },
    async close() {
      closed = true;
      clearTimeout(idle);
      destroyProducer();
    },
  };
}

/** Returns whether the broker's error code, or one wrapped by kafkajs, says that a message is too large. */
function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("type" in error && (error.type === "MESSAGE_TOO_LARGE" || error.type === "RECORD_LIST_TOO_LARGE")) return true;
  return isTooLarge(error.cause);
}

function* split(messages: readonly EventMessage[]): Generator<EventMessage[]> {
  let batch: EventMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (batch.length > 0 && bytes + size > maxRequestBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** The size of a message on the wire in bytes, rounded up: lengths and counters take at most 5 bytes each. */
function sizeOf({ key, value, headers }: EventMessage): number {
  const texts = [key, value, ...Object.entries(headers).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 5, 30);
}

async function withDeadline<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
