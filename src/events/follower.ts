import type { ChangeBatch, RecentChanges } from "./recent-changes.ts";

/** One who follows an organization. */
export interface Follower<Change> {
  /** How far it has come. */
  readonly revision: bigint;
  /**
   * The next changes, some at a time. Nothing is fetched before it is asked for, so a slow reader costs no memory. None
   * when `waitMs` passed, or when only what nobody asks for has happened. Throws what ended it.
   */
  next(waitMs: number): Promise<readonly Change[]>;
  /** Call it when no more is wanted. */
  leave(): void;
}

/** What is known of an organization that somebody follows. */
export interface Followed<Change> {
  readonly organizationId: string;
  readonly recent: RecentChanges<Change>;
  /** Called when there is more in `recent`, or a failure. */
  readonly wakers: Set<() => void>;
  /** Why nothing more will come. */
  failure?: { readonly error: unknown };
}

/** How much one who has fallen behind reads at once, and is given at once. */
const pageSize = 32;

/** Follows from after a revision on. What is not kept in memory any more it reads with `readPage`. */
export function createFollower<Change>(options: {
  followed: Followed<Change>;
  after: bigint;
  /** The caller has gone. */
  signal: AbortSignal;
  readPage: (after: bigint, limit: number) => Promise<ChangeBatch<Change>>;
  onLeave: () => void;
}): Follower<Change> {
  const { followed, after, signal, readPage, onLeave } = options;
  let position = after;
  let wake = () => {};
  const waker = () => wake();
  const leave = () => {
    signal.removeEventListener("abort", leave);
    if (followed.wakers.delete(waker)) onLeave();
    wake();
  };
  followed.wakers.add(waker);
  signal.addEventListener("abort", leave);

  const check = () => {
    signal.throwIfAborted();
    if (followed.failure !== undefined) throw followed.failure.error;
  };
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  return {
    get revision() {
      return position;
    },
    leave,
    async next(waitMs) {
      check();
      let step = followed.recent.after(position, pageSize);
      if (step === undefined) step = await readPage(position, pageSize);
      else if (step.revision === position) {
        await sleep(waitMs);
        step = followed.recent.after(position, pageSize);
      }
      check();
      if (step === undefined) return [];
      position = step.revision;
      return step.changes;
    },
  };
}
