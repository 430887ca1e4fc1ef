/** A message as Kafka sees it. */
export interface EventMessage {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly value: string;
}

/** Where events go. */
export interface EventSink {
  /**
   * Resolves when all messages are stored for good, those of one key in their order. Rejects when that is not certain:
   * then any of them may be stored, and the caller publishes the same ones again before any other.
   * One call at a time. Rejects with MessagesTooLarge when one of them can never be stored.
   */
  publish(messages: readonly EventMessage[]): Promise<void>;
  /** Lets go of everything, also of a publish that has not ended: that one rejects. */
  close(): Promise<void>;
}

/** Among the messages of a publish is one that is larger than the sink takes. */
export class MessagesTooLarge extends Error {
  override readonly name = "MessagesTooLarge";
}
