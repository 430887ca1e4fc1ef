import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** Does work one after the other for each key; other keys do not wait. What has waited too long is refused undone. */
export type WithLock = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** By then whoever has asked has mostly asked again. */
const defaultMaxWaitMs = 5000;

/** `now` is a clock in milliseconds. */
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
