import type { StoredEvent } from "../log/event.ts";
import { toCloudEvents } from "./cloud-events.ts";
import { type EventSink, MessagesTooLarge } from "./event-sink.ts";

/** The destination of events, and the handler of events that it does not accept. */
export interface PublishOptions {
  readonly sink: EventSink;
  readonly topicPrefix: string;
  /** Called for an event that the sink will never accept. Later events of its organization must not be published before it. */
  onPoisonEvent(event: StoredEvent): void;
}

/**
 * Publishes events in order. Returns the stored ones. When a message is too large, the batch is halved until its event is
 * alone, so that one organization's event does not block the others. Rejects with any other error of the sink.
 */
export async function publishEvents(
  events: readonly StoredEvent[],
  options: PublishOptions,
): Promise<readonly StoredEvent[]> {
  const { sink, topicPrefix, onPoisonEvent } = options;
  const blocked = new Set<string>();
  const publish = async (some: readonly StoredEvent[]): Promise<readonly StoredEvent[]> => {
    const open = some.filter(({ organizationId }) => !blocked.has(organizationId));
    const [first] = open;
    if (first === undefined) return [];
    try {
      await sink.publish(open.flatMap((event) => toCloudEvents(event, topicPrefix)));
      return open;
    } catch (error) {
      if (!(error instanceof MessagesTooLarge)) throw error;
    }
    if (open.length > 1) {
      const middle = open.length >> 1;
      return [...(await publish(open.slice(0, middle))), ...(await publish(open.slice(middle)))];
    }
    blocked.add(first.organizationId);
    onPoisonEvent(first);
    return [];
  };
  return publish(events);
}
