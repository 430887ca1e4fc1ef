import type { Knex } from "knex";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import type { EventType } from "./event.ts";
import { createFollower, type Followed, type Follower } from "./follower.ts";
import { limitWatches, type WatchLimits } from "./limit-watches.ts";
import { type ChangeBatch, createRecentChanges, type Revised } from "./recent-changes.ts";
import { createTailReader, type TailPage } from "./tail-reader.ts";

/** Tells many followers what happens in their organizations: in the order of revisions, each change exactly once. */
export interface EventTail<Change> {
  /**
   * Begins to follow an organization after a revision, or from now on, until `signal` aborts. Throws Failure
   * WATCH_REVISION_INVALID for a revision that the organization has not come to, TOO_MANY_WATCHES or STOPPING.
   * `evict` gets TOO_MANY_WATCHES when the place is given to another organization: it is to abort the signal with that.
   */
  follow(start: {
    organizationId: string;
    after: bigint | undefined;
    signal: AbortSignal;
    evict: (why: Failure) => void;
  }): Promise<Follower<Change>>;
  /** There may be new events: look now and not at the next poll. Cheap; does nothing when nobody follows. */
  onCommit(): void;
  /** Ends all followers with STOPPING, and lets no more in. */
  stop(): void;
}

export interface EventTailOptions<Change> {
  readonly knex: Knex;
  readonly types: readonly EventType[];
  /** Makes of an event what followers get; once for all of them. */
  readonly toChange: (event: TailPage["events"][number]) => Change;
  readonly maxFollowers: WatchLimits;
  /** How often to look for what other processes wrote, in milliseconds. */
  readonly pollMs?: number;
  /** How long the database may say nothing before it counts as away, in milliseconds. */
  readonly answerMs?: number;
}

/** How much is read at once of an organization, and how many changes are kept of all together. */
const pageSize = 256;
const maxKept = 20_000;

/**
 * One look at the revisions of all followed organizations, every `pollMs` and when this process wrote something; one
 * read of an organization that has gone on, for all who follow it. Who has fallen behind what is kept of that reads the
 * log alone, page by page, until the two meet again. Nobody uses a connection to the database while nothing happens.
 */
export function createEventTail<Change extends Revised>(options: EventTailOptions<Change>): EventTail<Change> {
  const { knex, types, toChange, maxFollowers, pollMs = 250, answerMs = 10_000 } = options;
  const reader = createTailReader({ knex, types, answerMs });
  const organizations = new Map<string, Followed<Change>>();
  const acquireWatch = limitWatches(maxFollowers);
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;
  let stopped = false;

  const readPage = async (organizationId: string, after: bigint, limit: number): Promise<ChangeBatch<Change>> => {
    const { events, revision } = await reader.page({ organizationId, after, limit });
    return { changes: events.map(toChange), revision };
  };

  const wakeAll = ({ wakers }: Followed<Change>) => {
    for (const wake of wakers) wake();
  };
  const forget = (followed: Followed<Change>) => {
    if (organizations.get(followed.organizationId) === followed) organizations.delete(followed.organizationId);
  };
  const fail = (followed: Followed<Change>, error: unknown) => {
    followed.failure = { error };
    forget(followed);
    wakeAll(followed);
  };

  /** Reads on towards `head`, a page. Answers whether there is more. */
  const advance = async (followed: Followed<Change>, head: bigint): Promise<boolean> => {
    const { organizationId, recent } = followed;
    if (head === recent.position) return false;
    if (head < recent.position) throw notReached(head);
    const page = await readPage(organizationId, recent.position, pageSize);
    recent.add(page, Math.min(pageSize, Math.ceil(maxKept / organizations.size)));
    wakeAll(followed);
    return recent.position < head;
  };

  const lookOnce = async (): Promise<boolean> => {
    const all = [...organizations.values()];
    const failed = (followed: Followed<Change>) => (error: unknown) => {
      fail(followed, error);
      return false;
    };
    try {
      const heads = await reader.heads(all.map(({ organizationId }) => organizationId));
      const behind = await Promise.all(
        all.map((one) => advance(one, heads.get(one.organizationId) ?? 0n).catch(failed(one))),
      );
      return behind.includes(true);
    } catch (error) {
      for (const followed of all) fail(followed, error);
      return false;
    }
  };

  /** At most one at a time; what comes meanwhile is looked for right after it. */
  const look = async (): Promise<void> => {
    again = true;
    if (looking) return;
    looking = true;
    clearTimeout(timer);
    while (again && organizations.size > 0) {
      again = false;
      const behind = await lookOnce();
      again ||= behind;
    }
    looking = false;
    if (organizations.size > 0) timer = setTimeout(look, pollMs);
  };

  const join = (organizationId: string, head: bigint): Followed<Change> => {
    const known = organizations.get(organizationId);
    if (known !== undefined) return known;
    const followed = { organizationId, recent: createRecentChanges<Change>(head), wakers: new Set<() => void>() };
    organizations.set(organizationId, followed);
    void look(); // something may have been written since `head` was read, and it starts the polls
    return followed;
  };

  return {
    async follow({ organizationId, after, signal, evict }) {
      if (stopped) throw stopping();
      const release = acquireWatch(organizationId, evict);
      try {
        const head = (await reader.heads([organizationId])).get(organizationId) ?? 0n;
        if (stopped) throw stopping();
        signal.throwIfAborted();
        if (after !== undefined && after > head) throw notReached(head);
        const followed = join(organizationId, head);
        return createFollower({
          followed,
          after: after ?? head,
          signal,
          readPage: (from, limit) => readPage(organizationId, from, limit),
          onLeave: () => {
            release();
            if (followed.wakers.size === 0) forget(followed);
          },
        });
      } catch (error) {
        release();
        throw error;
      }
    },
    onCommit: () => {
      if (organizations.size > 0) void look();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      for (const followed of [...organizations.values()]) fail(followed, stopping());
    },
  };
}

function stopping(): Failure {
  return new Failure(ErrorReason.STOPPING, "this server is stopping: watch again after the last revision you have", {
    retryAfterMs: 100,
  });
}

function notReached(head: bigint): Failure {
  const description = `the organization has come to revision ${head} and no further`;
  return new Failure(ErrorReason.WATCH_REVISION_INVALID, `after_revision: ${description}`, {
    metadata: { revision: String(head) },
    fieldViolations: [{ field: "after_revision", description }],
  });
}
