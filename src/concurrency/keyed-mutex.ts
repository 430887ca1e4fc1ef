import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/**
 * Runs work sequentially per key; other keys do not wait. Throws ApiError QUEUE_FULL, without running the work, after too long
 * a wait.
 */
export type WithLock = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Milliseconds after which most callers have retried. */
const defaultMaxWaitMs = 5000;

/**
 * Returns the mutex. `maxWaitMs` is the maximum wait in milliseconds (default: 5000), `now` a monotonic clock in milliseconds
 * (default: `performance.now()`).
 */
export function createKeyedMutex({ maxWaitMs = defaultMaxWaitMs, now = () => performance.now() } = {}): WithLock {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const since = now();
    const start = () => {
      if (now() - since > maxWaitMs) throw queueFull();
      return work();
    };
    const done = before.then(start, start);
    last.set(key, done);
    const forget = () => {
      if (last.get(key) === done) last.delete(key);
    };
    done.then(forget, forget);
    return done;
  };
}

function queueFull(): ApiError {
  return new ApiError(ErrorReason.QUEUE_FULL, "too many changes of this profile wait: try again in a moment", {
    retryAfterMs: 500,
  });
}
