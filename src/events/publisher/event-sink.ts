/** A Kafka message. */
export interface EventMessage {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly value: string;
}

/** The destination of events. */
export interface EventSink {
  /**
   * Resolves when all messages are stored durably, those of one key in order. Rejects when that is not certain: any of them may
   * be stored then, and the calling code must publish the same ones again before any other. Rejects with MessagesTooLarge when
   * one of them is too large to be stored. One call at a time.
   */
  publish(messages: readonly EventMessage[]): Promise<void>;
  /** Releases all resources. A publish that is still running rejects. */
  close(): Promise<void>;
}

/** At least one message of a publish is larger than the sink accepts. */
export class MessagesTooLarge extends Error {
  override readonly name = "MessagesTooLarge";
}
