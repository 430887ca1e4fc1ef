import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import type { EventType } from "../log/event.ts";
import { type ChangeBatch, createChangeBuffer, type HasRevision } from "./change-buffer.ts";
import { limitWatches, type WatchLimits } from "./limit-watches.ts";
import { createLogReader, type LogPage } from "./log-reader.ts";
import { createSubscription, type Subscription, type Topic } from "./subscription.ts";

/** Tells many subscriptions what happens in their organizations: in the order of revisions, each change exactly once. */
export interface ChangeStream<Change> {
  /**
   * Begins to follow an organization after a revision, or from now on, until `signal` aborts. Throws ApiError
   * WATCH_REVISION_INVALID for a revision that the organization has not come to, TOO_MANY_WATCHES or STOPPING.
   * `evict` gets TOO_MANY_WATCHES when the place is given to another organization: it is to abort the signal with that.
   */
  subscribe(start: {
    organizationId: string;
    after: bigint | undefined;
    signal: AbortSignal;
    evict: (why: ApiError) => void;
  }): Promise<Subscription<Change>>;
  /** There may be new events: look now and not at the next poll. Cheap; does nothing when nobody follows. */
  onCommit(): void;
  /** Ends all subscriptions with STOPPING, and lets no more in. */
  stop(): void;
}

export interface ChangeStreamOptions<Change> {
  readonly knex: Knex;
  readonly types: readonly EventType[];
  /** Makes of an event what subscriptions get; once for all of them. */
  readonly toChange: (event: LogPage["events"][number]) => Change;
  readonly maxSubscriptions: WatchLimits;
  /** How often to look for what other processes wrote, in milliseconds. */
  readonly pollMs?: number;
  /** How long the database may say nothing before it counts as away, in milliseconds. */
  readonly timeoutMs?: number;
}

/** How much is read at once of an organization, and how many changes are kept of all together. */
const pageSize = 256;
const maxKept = 20_000;

/**
 * One look at the revisions of all followed organizations, every `pollMs` and when this process wrote something; one
 * read of an organization that has gone on, for all who follow it. Who has fallen behind what is kept of that reads the
 * log alone, page by page, until the two meet again. Nobody uses a connection to the database while nothing happens.
 */
export function createChangeStream<Change extends HasRevision>(
  options: ChangeStreamOptions<Change>,
): ChangeStream<Change> {
  const { knex, types, toChange, maxSubscriptions, pollMs = 250, timeoutMs = 10_000 } = options;
  const reader = createLogReader({ knex, types, answerMs: timeoutMs });
  const organizations = new Map<string, Topic<Change>>();
  const acquireWatch = limitWatches(maxSubscriptions);
  let timer: NodeJS.Timeout | undefined;
  let polling = false;
  let pollAgain = false;
  let stopped = false;

  const readPage = async (organizationId: string, after: bigint, limit: number): Promise<ChangeBatch<Change>> => {
    const { events, revision } = await reader.page({ organizationId, after, limit });
    return { changes: events.map(toChange), revision };
  };

  const notifyAll = ({ listeners }: Topic<Change>) => {
    for (const wake of listeners) wake();
  };
  const forget = (topic: Topic<Change>) => {
    if (organizations.get(topic.organizationId) === topic) organizations.delete(topic.organizationId);
  };
  const fail = (topic: Topic<Change>, error: unknown) => {
    topic.failure = { error };
    forget(topic);
    notifyAll(topic);
  };

  /** Reads on towards `head`, a page. Answers whether there is more. */
  const catchUp = async (topic: Topic<Change>, head: bigint): Promise<boolean> => {
    const { organizationId, recent } = topic;
    if (head === recent.position) return false;
    if (head < recent.position) throw notReached(head);
    const page = await readPage(organizationId, recent.position, pageSize);
    recent.add(page, Math.min(pageSize, Math.ceil(maxKept / organizations.size)));
    notifyAll(topic);
    return recent.position < head;
  };

  const pollOnce = async (): Promise<boolean> => {
    const all = [...organizations.values()];
    const failed = (topic: Topic<Change>) => (error: unknown) => {
      fail(topic, error);
      return false;
    };
    try {
      const latestRevisions = await reader.latestRevisions(all.map(({ organizationId }) => organizationId));
      const behind = await Promise.all(
        all.map((one) => catchUp(one, latestRevisions.get(one.organizationId) ?? 0n).catch(failed(one))),
      );
      return behind.includes(true);
    } catch (error) {
      for (const topic of all) fail(topic, error);
      return false;
    }
  };

  /** At most one at a time; what comes meanwhile is looked for right after it. */
  const poll = async (): Promise<void> => {
    pollAgain = true;
    if (polling) return;
    polling = true;
    clearTimeout(timer);
    while (pollAgain && organizations.size > 0) {
      pollAgain = false;
      const behind = await pollOnce();
      pollAgain ||= behind;
    }
    polling = false;
    if (organizations.size > 0) timer = setTimeout(poll, pollMs);
  };

  const topicOf = (organizationId: string, head: bigint): Topic<Change> => {
    const known = organizations.get(organizationId);
    if (known !== undefined) return known;
    const topic = { organizationId, recent: createChangeBuffer<Change>(head), listeners: new Set<() => void>() };
    organizations.set(organizationId, topic);
    void poll(); // something may have been written since `head` was read, and it starts the polls
    return topic;
  };

  return {
    async subscribe({ organizationId, after, signal, evict }) {
      if (stopped) throw stopping();
      const release = acquireWatch(organizationId, evict);
      try {
        const head = (await reader.latestRevisions([organizationId])).get(organizationId) ?? 0n;
        if (stopped) throw stopping();
        signal.throwIfAborted();
        if (after !== undefined && after > head) throw notReached(head);
        const topic = topicOf(organizationId, head);
        return createSubscription({
          topic,
          after: after ?? head,
          signal,
          readPage: (from, limit) => readPage(organizationId, from, limit),
          onLeave: () => {
            release();
            if (topic.listeners.size === 0) forget(topic);
          },
        });
      } catch (error) {
        release();
        throw error;
      }
    },
    onCommit: () => {
      if (organizations.size > 0) void poll();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      for (const topic of [...organizations.values()]) fail(topic, stopping());
    },
  };
}

function stopping(): ApiError {
  return new ApiError(ErrorReason.STOPPING, "this server is stopping: watch again after the last revision you have", {
    retryAfterMs: 100,
  });
}

function notReached(head: bigint): ApiError {
  const description = `the organization has come to revision ${head} and no further`;
  return new ApiError(ErrorReason.WATCH_REVISION_INVALID, `after_revision: ${description}`, {
    metadata: { revision: String(head) },
    fieldViolations: [{ field: "after_revision", description }],
  });
}
