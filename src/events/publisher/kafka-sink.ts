import type { Logger } from "pino";
import type { KafkaTarget } from "../../kafka/kafka-client.ts";
import { type EventMessage, type EventSink, MessagesTooLarge } from "./event-sink.ts";
import { createKafkaProducer, type KafkaProducer } from "./kafka-producer.ts";

/** After so long without an answer a connect or a send has failed, whatever kafkajs still hopes for. */
const deadlineMs = 30_000;
/** An idle connection is closed: what lies between may drop it unseen, and the next send would wait for its time-out. */
const idleMs = 10_000;
/** Of one request, below the 1 MiB that brokers take in one batch of a partition (message.max.bytes). */
const maxRequestBytes = 900_000;

/**
 * Publishes to Kafka. Why a producer is never used again after a send has failed: kafkajs (2.2.4) then takes back the
 * sequence numbers of the messages. If the broker had stored them and only its answer was lost, the next send of the
 * same size but with other messages has the numbers that the broker knows; it acknowledges them as a repetition and
 * stores nothing. A new producer has a new id and cannot be mistaken.
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

/** The broker's own word, wherever kafkajs has wrapped it. */
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

/** On the wire, rounded up: lengths and counters take at most 5 bytes each. */
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
