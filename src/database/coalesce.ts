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
}

/** One result per item, in their order; an Error is that item's failure alone. */
export type RunBatch<Item, Result> = (items: readonly Item[]) => Promise<ReadonlyArray<Result | Error>>;

/**
 * Gathers calls that come at the same time into one run (group commit). Nobody waits for company: with nothing
 * running a batch starts in the same turn of the event loop, otherwise when a running one ends, with all that
 * has come by then.
 */
export function coalesce<Item, Result>(
  run: RunBatch<Item, Result>,
  limits: CoalesceLimits,
): (item: Item) => Promise<Result> {
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

  const loader = new DataLoader<Item, Result>(
    async (items) => {
      try {
        return await run(items);
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

  return async (item) => {
    if (waiting >= limits.maxWaiting) throw queueFull();
    waiting += 1;
    try {
      return await loader.load(item);
    } finally {
      waiting -= 1;
    }
  };
}

function queueFull(): Failure {
  return new Failure(ErrorReason.QUEUE_FULL, "too many calls wait for the database: try again in a moment", {
    retryAfterMs: 250,
  });
}
