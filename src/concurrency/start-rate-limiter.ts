import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** How tests of all organizations begin. */
export interface StartRate {
  /** As many run without waiting. */
  readonly freely: number;
  /** With as many running, another begins this often, in milliseconds. */
  readonly everyMs: number;
}

/**
 * A test costs 4 to 5 ms of processors to begin and as much to end (`schedstat` of all threads, 200 tests against black
 * holes on two cores). Ten at once are not felt by others; 40 more a second take a fifth of one processor. What answers
 * does so in milliseconds, so hardly anybody waits who tests what works.
 */
export const defaultStartRate: StartRate = { freely: 10, everyMs: 25 };

/** Who waits for a turn. */
export interface QueuedStart {
  /** Leaves the line when it aborts; the promise rejects with its reason. */
  readonly signal: AbortSignal;
  /** Does not wait when it would take longer, in milliseconds; absent: as long as it takes. */
  readonly withinMs?: number | undefined;
}

/** Does the work when it is its turn. Throws ApiError TOO_MANY_TESTS when that would take too long. */
export type StartRateLimiter = <T>(waiting: QueuedStart, work: () => Promise<T>) => Promise<T>;

/**
 * Lets tests begin one after the other when many run already: those are tests of what does not answer, and a hundred that
 * begin in the same second are felt by every other call. First come, first served; whoever asks for many is held by the
 * limits of `limit-tests.ts`.
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
