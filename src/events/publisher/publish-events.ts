import type { StoredEvent } from "../log/event.ts";
import { toCloudEvents } from "./cloud-events.ts";
import { type EventSink, MessagesTooLarge } from "./event-sink.ts";

/** Where events go, and what to do with one that cannot go there. */
export interface PublishOptions {
  readonly sink: EventSink;
  readonly topicPrefix: string;
  /** Called for an event that the sink will never take. Its organization's later events must wait for it. */
  onPoisonEvent(event: StoredEvent): void;
}

/**
 * Publishes events in their order and answers with those that are stored. When something among them is too large they
 * are halved until it stands alone: one organization's event must not hold up all others.
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
