import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import type { EventType } from "../log/event.ts";
import { type ChangeBatch, createChangeBuffer, type HasRevision } from "./change-buffer.ts";
import { limitWatches, type WatchLimits } from "./limit-watches.ts";
import { createLogReader, type LogPage } from "./log-reader.ts";
import { createSubscription, type Subscription, type Topic } from "./subscription.ts";

/** Delivers the changes of organizations to many subscriptions: in revision order, each change exactly once. */
export interface ChangeStream<Change> {
  /**
   * Subscribes to an organization's changes after a revision (undefined: from now on), until `signal` aborts. Throws ApiError
   * WATCH_REVISION_INVALID for a revision that the organization has not reached, TOO_MANY_WATCHES or STOPPING. `evict` is
   * called with TOO_MANY_WATCHES when the slot is given to another organization, and must abort the signal with it.
   */
  subscribe(start: {
    organizationId: string;
    after: bigint | undefined;
    signal: AbortSignal;
    evict: (why: ApiError) => void;
  }): Promise<Subscription<Change>>;
  /** Polls at once because there may be new events. Cheap; has no effect without subscriptions. */
  onCommit(): void;
  /** Ends all subscriptions with STOPPING and rejects new ones. */
  stop(): void;
}

/** Dependencies, limits and times of a change stream. */
export interface ChangeStreamOptions<Change> {
  readonly knex: Knex;
  readonly types: readonly EventType[];
  /** Converts an event into the change for subscriptions; called once for all of them. */
  readonly toChange: (event: LogPage["events"][number]) => Change;
  readonly maxSubscriptions: WatchLimits;
  /** The interval of polls for other processes' events, in milliseconds. Default: 250. */
  readonly pollMs?: number;
  /** The time after which an unresponsive database counts as unavailable, in milliseconds. Default: 10 000. */
  readonly timeoutMs?: number;
}

/** The number of events read at once for an organization, and of changes kept in memory for all together. */
const pageSize = 256;
const maxKept = 20_000;

/**
 * Returns the change stream. One query reads the revisions of all subscribed organizations, every `pollMs` and after each
 * commit of this process; an organization with a new revision is read once for all of its subscriptions. A subscription that is
 * behind the kept changes reads the log itself, page by page, until it has caught up. Idle subscriptions use no database
 * connection.
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

  /** Reads the next page towards `head`. Returns whether there is more. */
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

  /** Runs one poll at a time; a request during a poll starts another one right after it. */
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
    void poll(); // events may have been written since `head` was read; this also starts the polls
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
