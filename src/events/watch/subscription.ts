import type { ChangeBatch, ChangeBuffer } from "./change-buffer.ts";

/** A subscription to one organization's changes. */
export interface Subscription<Change> {
  /** The revision up to which changes were delivered. */
  readonly revision: bigint;
  /**
   * Returns the next changes, at most 32. Changes are fetched only on demand, so a slow reader costs no memory. Empty when
   * `waitMs` (milliseconds) passed, or when there were only events of other types. Throws the error that ended the
   * subscription.
   */
  next(waitMs: number): Promise<readonly Change[]>;
  /** Ends the subscription. */
  unsubscribe(): void;
}

/** The state of an organization with subscriptions. */
export interface Topic<Change> {
  readonly organizationId: string;
  readonly recent: ChangeBuffer<Change>;
  /** Called when `recent` has new changes, or after a failure. */
  readonly listeners: Set<() => void>;
  /** The error after which no changes are delivered. Default: none. */
  failure?: { readonly error: unknown };
}

/** The number of changes that a subscription reads and delivers at once. */
const pageSize = 32;

/** Subscribes to the changes after a revision. Changes that are no longer in memory are read with `readPage`. */
export function createSubscription<Change>(options: {
  topic: Topic<Change>;
  after: bigint;
  /** Aborts when the call ends. */
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
