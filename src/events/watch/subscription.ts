import type { ChangeBatch, ChangeBuffer } from "./change-buffer.ts";

/** One who follows an organization. */
export interface Subscription<Change> {
  /** How far it has come. */
  readonly revision: bigint;
  /**
   * The next changes, some at a time. Nothing is fetched before it is asked for, so a slow reader costs no memory. None
   * when `waitMs` passed, or when only what nobody asks for has happened. Throws what ended it.
   */
  next(waitMs: number): Promise<readonly Change[]>;
  /** Call it when no more is wanted. */
  unsubscribe(): void;
}

/** What is known of an organization that somebody follows. */
export interface Topic<Change> {
  readonly organizationId: string;
  readonly recent: ChangeBuffer<Change>;
  /** Called when there is more in `recent`, or a failure. */
  readonly listeners: Set<() => void>;
  /** Why nothing more will come. */
  failure?: { readonly error: unknown };
}

/** How much one who has fallen behind reads at once, and is given at once. */
const pageSize = 32;

/** Follows from after a revision on. What is not kept in memory any more it reads with `readPage`. */
export function createSubscription<Change>(options: {
  topic: Topic<Change>;
  after: bigint;
  /** The caller has gone. */
  signal: AbortSignal;
  readPage: (after: bigint, limit: number) => Promise<ChangeBatch<Change>>;
  onLeave: () => void;
}): Subscription<Change> {
  const { topic, after, signal, readPage, onLeave: onUnsubscribe } = options;
  let position = after;
  let wake = () => {};
  const listener = () => wake();
  const unsubscribe = () => {
    signal.removeEventListener("abort", unsubscribe);
    if (topic.listeners.delete(listener)) onUnsubscribe();
    wake();
  };
  topic.listeners.add(listener);
  signal.addEventListener("abort", unsubscribe);

  const check = () => {
    signal.throwIfAborted();
    if (topic.failure !== undefined) throw topic.failure.error;
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
    unsubscribe,
    async next(waitMs) {
      check();
      let step = topic.recent.after(position, pageSize);
      if (step === undefined) step = await readPage(position, pageSize);
      else if (step.revision === position) {
        await sleep(waitMs);
        step = topic.recent.after(position, pageSize);
      }
      check();
      if (step === undefined) return [];
      position = step.revision;
      return step.changes;
    },
  };
}
