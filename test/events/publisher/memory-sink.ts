import { type EventMessage, type EventSink, MessagesTooLarge } from "../../../src/events/publisher/event-sink.ts";

/** The longest value that it takes, about as long as Kafka's. */
const largest = 1_000_000;

/** A sink that keeps what it is given, and fails when it is told to. */
export interface MemorySink extends EventSink {
  readonly stored: EventMessage[];
  /** Rejects the next publishes: after nothing was stored, or after all was stored and only the answer is lost. */
  fail(times: number, after?: "nothing" | "all"): void;
  /** Publishes hang from here on, until the function that this returns is called. */
  hang(): () => void;
  /** How often publish was called. */
  readonly calls: () => number;
}

export function createMemorySink(): MemorySink {
  const stored: EventMessage[] = [];
  let failure = { times: 0, after: "nothing" };
  let gate: Promise<void> = Promise.resolve();
  let closed = false;
  let calls = 0;
  return {
    stored,
    calls: () => calls,
    fail: (times, after = "nothing") => {
      failure = { times, after };
    },
    hang: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    async publish(messages) {
      calls += 1;
      await gate;
      if (closed) throw new Error("the sink is closed");
      if (messages.some(({ value }) => value.length > largest))
        throw new MessagesTooLarge("larger than this sink takes");
      const fails = failure.times > 0;
      if (fails) failure.times -= 1;
      if (!fails || failure.after === "all") stored.push(...messages);
      if (fails) throw new Error("the sink fails as it was told");
    },
    async close() {
      closed = true;
    },
  };
}
