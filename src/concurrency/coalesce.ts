import DataLoader from "dataloader";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** Limits of the batches. */
export interface CoalesceLimits {
  /** The maximum number of items in a batch. */
  readonly maxBatch: number;
  /** The maximum number of concurrent batches; the next one starts when one ends. */
  readonly maxRunning: number;
  /** The maximum number of items that wait or run; a further one is refused with QUEUE_FULL. */
  readonly maxWaiting: number;
  /**
   * The maximum wait of an item for its batch, in milliseconds; after it, the item is refused with QUEUE_FULL. Default: 2000.
   */
  readonly maxWaitMs?: number;
}

interface Queued<Item> {
  readonly item: Item;
  readonly since: number;
  readonly signal: AbortSignal | undefined;
  /** Rejects the call before its batch starts. */
  readonly refuse: (error: Error) => void;
}

/** Milliseconds after which most callers have retried or given up: working for them would delay the others. */
const defaultMaxWaitMs = 2000;

/** Returns one result per item, in order; an Error fails its item only. */
export type RunBatch<Item, Result> = (items: readonly Item[]) => Promise<ReadonlyArray<Result | Error>>;

/**
 * Returns a function that joins concurrent calls into batches (group commit). No call waits for others to join: if no batch is
 * running one starts in the same turn of the event loop, otherwise when a running one ends, with all calls that have arrived by
 * then. Throws ApiError QUEUE_FULL above `maxWaiting`, and after `maxWaitMs` in the queue, also when no batch ends; rejects
 * with the signal's reason when it is aborted in the queue. Neither reaches the database. `waited` gets the queue time of the
 * first item of each batch and of each refused item, in milliseconds; default: none.
 */
export function coalesce<Item, Result>(
  run: RunBatch<Item, Result>,
  limits: CoalesceLimits,
  waited: (ms: number) => void = () => {},
): (item: Item, signal?: AbortSignal) => Promise<Result> {
  const { maxWaitMs = defaultMaxWaitMs } = limits;
  const ready: (() => void)[] = [];
  const queue = new Set<Queued<Item>>(); // items whose batch has not started, the oldest first
  let running = 0;
  let waiting = 0;
  let sweeping = false;

  const startNext = () => {
    while (running < limits.maxRunning) {
      const dispatch = ready.shift();
      if (dispatch === undefined) return;
      running += 1;
      dispatch();
    }
  };

  const sweep = () => {
    const now = performance.now();
    for (const queued of queue) {
      const ms = now - queued.since;
      if (ms <= maxWaitMs) break;
      queue.delete(queued);
      waited(ms);
      queued.refuse(queueFull());
    }
    sweeping = queue.size > 0;
    if (sweeping) setTimeout(sweep, maxWaitMs / 8);
  };

  const runFresh = async (queued: readonly Queued<Item>[]): Promise<ReadonlyArray<Result | Error>> => {
    for (const one of queued) queue.delete(one);
    const [first] = queued;
    if (first !== undefined) waited(performance.now() - first.since);
    const stale = queued.map((one) => refusalOf(one, maxWaitMs));
    if (stale.every((refusal) => refusal === undefined)) return run(queued.map(({ item }) => item));
    const fresh = queued.filter((_, index) => stale[index] === undefined);
    const results = fresh.length === 0 ? [] : await run(fresh.map(({ item }) => item));
    let next = 0;
    return stale.map((refusal) => refusal ?? (results[next++] as Result | Error));
  };

  const loader = new DataLoader<Queued<Item>, Result>(
    async (queued) => {
      try {
        return await runFresh(queued);
      } finally {
        running -= 1;
        startNext();
      }
    },
    {
      cache: false,
      maxBatchSize: limits.maxBatch,
      batchScheduleFn: (dispatch) => {
        ready.push(dispatch);
        setImmediate(startNext);
      },
    },
  );

  return (item, signal) =>
    new Promise((resolve, refuse) => {
      if (waiting >= limits.maxWaiting) throw queueFull();
      waiting += 1;
      const queued = { item, since: performance.now(), signal, refuse };
      queue.add(queued);
      if (!sweeping) setTimeout(sweep, maxWaitMs / 8);
      sweeping = true;
      loader.load(queued).then(
        (result) => {
          waiting -= 1;
          resolve(result);
        },
        (error: Error) => {
          waiting -= 1;
          refuse(error);
        },
      );
    });
}

/** Returns the error of an item that is aborted or has waited too long; undefined for others. */
function refusalOf({ since, signal }: Queued<unknown>, maxWaitMs: number): Error | undefined {
  if (signal?.aborted === true) return signal.reason instanceof Error ? signal.reason : new Error("aborted");
  return performance.now() - since > maxWaitMs ? queueFull() : undefined;
}

function queueFull(): ApiError {
  return new ApiError(ErrorReason.QUEUE_FULL, "too many calls wait for the database: try again in a moment", {
    retryAfterMs: 250,
  });
}
