import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** The start rate of live tests, for all organizations together. */
export interface StartRate {
  /** The number of concurrent tests that start without waiting. */
  readonly freely: number;
  /** The interval between two further starts, in milliseconds. */
  readonly everyMs: number;
}

/**
 * Default: 10 tests at once, then one every 25 ms. Starting a test takes 4 to 5 ms of CPU time, and so does ending it
 * (`schedstat` of all threads, 200 tests of unresponsive targets on two cores). Ten at once do not delay other calls
 * measurably; 40 more per second take a fifth of one processor. Responsive targets answer in milliseconds, so their tests
 * hardly ever wait.
 */
export const defaultStartRate: StartRate = { freely: 10, everyMs: 25 };

/** A start that may have to wait. */
export interface QueuedStart {
  /** Leaves the queue when it aborts; the promise rejects with its reason. */
  readonly signal: AbortSignal;
  /** The maximum wait in milliseconds; a longer one is refused at once. Default: no maximum. */
  readonly withinMs?: number | undefined;
}

/** Runs the work at its turn. Throws ApiError TOO_MANY_TESTS when the wait would exceed `withinMs`. */
export type StartRateLimiter = <T>(waiting: QueuedStart, work: () => Promise<T>) => Promise<T>;

/**
 * Returns the limiter. When many tests run already, their targets are unresponsive, and a hundred more starts in the same
 * second would delay all other calls; so further tests start one by one, in the order of arrival. The number per organization
 * is limited by `limit-tests.ts`. Default rate: `defaultStartRate`.
 */
export function createStartRateLimiter({ freely, everyMs }: StartRate = defaultStartRate): StartRateLimiter {
  const line = new Set<() => void>();
  let running = 0;
  let ticking = false;

  const next = () => {
    const [first] = line;
    first?.();
  };
  const tick = () => {
    ticking = line.size > 0;
    if (!ticking) return;
    next();
    setTimeout(tick, everyMs);
  };
  const turn = ({ signal }: QueuedStart) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (settle: () => void) => {
      line.delete(begin);
      signal.removeEventListener("abort", abort);
      settle();
    };
    const begin = () => {
      running += 1;
      leave(resolve);
    };
    const abort = () => leave(() => reject(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    line.add(begin);
    if (!ticking) setTimeout(tick, everyMs);
    ticking = true;
    return promise;
  };

  return async (waiting, work) => {
    waiting.signal.throwIfAborted();
    if (running < freely && line.size === 0) running += 1;
    else {
      const waitMs = (line.size + 1) * everyMs;
      if (waitMs > (waiting.withinMs ?? Number.POSITIVE_INFINITY)) throw tooLong(waitMs);
      await turn(waiting);
    }
    try {
      return await work();
    } finally {
      running -= 1;
      if (running < freely) next();
    }
  };
}

function tooLong(waitMs: number): ApiError {
  return new ApiError(
    ErrorReason.TOO_MANY_TESTS,
    "so many tests begin here at present that yours would come too late for its deadline: try again in a moment",
    { retryAfterMs: waitMs },
  );
}
