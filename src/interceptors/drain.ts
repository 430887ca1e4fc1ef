import { setTimeout as sleep } from "node:timers/promises";
import type { Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";
import { onCallEnd } from "./call/on-call-end.ts";

/**
 * Counts the calls that run, of every protocol, so that a stop can wait for them and for nothing else:
 * a health watcher's stream, for one, never ends by itself.
 */
export interface Drain {
  /** Lets a call in, or refuses it with UNAVAILABLE once the drain has begun. */
  readonly interceptor: Interceptor;
  /** Lets no more calls in, and resolves when those inside have left, or after `drainTimeoutMs`. */
  close(drainTimeoutMs: number): Promise<void>;
}

export function createDrain(): Drain {
  const drained = Promise.withResolvers<void>();
  let inFlight = 0;
  let closed = false;
  return {
    interceptor: (next) => (request) => {
      if (closed)
        return Promise.reject(
          new ApiError(ErrorReason.STOPPING, "this server is stopping: call again", { retryAfterMs: 100 }),
        );
      inFlight += 1;
      return onCallEnd(next, request, {
        onEnd: () => {
          inFlight -= 1;
          if (closed && inFlight === 0) drained.resolve();
        },
      });
    },
    close: async (drainTimeoutMs) => {
      closed = true;
      if (inFlight > 0) await Promise.race([drained.promise, sleep(drainTimeoutMs, undefined, { ref: false })]);
    },
  };
}
