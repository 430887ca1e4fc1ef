import DataLoader from "dataloader";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** How calls are gathered. */
export interface CoalesceLimits {
  /** The most items of one run. */
  readonly maxBatch: number;
  /** The most runs at a time; the next starts when one ends. */
  readonly maxRunning: number;
  /** The most items that wait or run; one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxWaiting: number;
  /** How long an item may wait for its run, in milliseconds; one that has waited longer is refused instead, like one too many. */
  readonly maxWaitMs?: number;
}

interface Queued<Item> {
  readonly item: Item;
  readonly since: number;
  readonly signal: AbortSignal | undefined;
  /** Ends the wait of whoever has asked, before its turn. */
  readonly refuse: (error: Error) => void;
}

/** By then whoever has asked has mostly asked again, or given up: to work for them keeps everybody else waiting. */
const defaultMaxWaitMs = 2000;

/** One result per item, in their order; an Error is that item's failure alone. */
export type RunBatch<Item, Result> = (items: readonly Item[]) => Promise<ReadonlyArray<Result | Error>>;

/**
 * Gathers calls that come at the same time into one run (group commit). Nobody waits for company: with nothing
 * running a batch starts in the same turn of the event loop, otherwise when a running one ends, with all that
 * has come by then. What has waited too long for its run is refused, whether or not a run ever ends; that, and what is aborted by
 * its signal before its turn, costs the database nothing. `waited` is told how long the first of each run has waited, or who is
 * refused.
 */
export function coalesce<Item, Result>(
  run: RunBatch<Item, Result>,
  limits: CoalesceLimits,
  waited: (ms: number) => void = () => {},
): (item: Item, signal?: AbortSignal) => Promise<Result> {
  const { maxWaitMs = defaultMaxWaitMs } = limits;
  const ready: (() => void)[] = [];
  const queue = new Set<Queued<Item>>(); // those whose turn has not come, the oldest first
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

/** Why an item is not worth its run any more, if it is not. */
function refusalOf({ since, signal }: Queued<unknown>, maxWaitMs: number): Error | undefined {
  if (signal?.aborted === true) return signal.reason instanceof Error ? signal.reason : new Error("aborted");
  return performance.now() - since > maxWaitMs ? queueFull() : undefined;
}

function queueFull(): ApiError {
  return new ApiError(ErrorReason.QUEUE_FULL, "too many calls wait for the database: try again in a moment", {
    retryAfterMs: 250,
  });
}
