import DataLoader from "dataloader";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

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
}

/** By then whoever has asked has mostly asked again, or given up: to work for them keeps everybody else waiting. */
const defaultMaxWaitMs = 2000;

/** One result per item, in their order; an Error is that item's failure alone. */
export type RunBatch<Item, Result> = (items: readonly Item[]) => Promise<ReadonlyArray<Result | Error>>;

/**
 * Gathers calls that come at the same time into one run (group commit). Nobody waits for company: with nothing
 * running a batch starts in the same turn of the event loop, otherwise when a running one ends, with all that
 * has come by then. What has waited too long for its run, or is aborted by its signal before, is refused there and costs the
 * database nothing.
 */
export function coalesce<Item, Result>(
  run: RunBatch<Item, Result>,
  limits: CoalesceLimits,
): (item: Item, signal?: AbortSignal) => Promise<Result> {
  const { maxWaitMs = defaultMaxWaitMs } = limits;
  const ready: (() => void)[] = [];
  let running = 0;
  let waiting = 0;

  const startNext = () => {
    while (running < limits.maxRunning) {
      const dispatch = ready.shift();
      if (dispatch === undefined) return;
      running += 1;
      dispatch();
    }
  };

  const runFresh = async (queued: readonly Queued<Item>[]): Promise<ReadonlyArray<Result | Error>> => {
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

  return async (item, signal) => {
    if (waiting >= limits.maxWaiting) throw queueFull();
    waiting += 1;
    try {
      return await loader.load({ item, since: performance.now(), signal });
    } finally {
      waiting -= 1;
    }
  };
}

/** Why an item is not worth its run any more, if it is not. */
function refusalOf({ since, signal }: Queued<unknown>, maxWaitMs: number): Error | undefined {
  if (signal?.aborted === true) return signal.reason instanceof Error ? signal.reason : new Error("aborted");
  return performance.now() - since > maxWaitMs ? queueFull() : undefined;
}

function queueFull(): Failure {
  return new Failure(ErrorReason.QUEUE_FULL, "too many calls wait for the database: try again in a moment", {
    retryAfterMs: 250,
  });
}
