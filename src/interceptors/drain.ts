import { setTimeout as sleep } from "node:timers/promises";
import type { Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";
import { onCallEnd } from "./call/on-call-end.ts";

/** Counts running calls of every protocol, so that a stop waits for them only, and not for a health watch, which never ends by itself. */
export interface Drain {
  /** Accepts a call, or rejects it with ApiError STOPPING (UNAVAILABLE) once the drain has started. */
  readonly interceptor: Interceptor;
  /** Rejects new calls, and resolves when all running calls have ended, or after `drainTimeoutMs` milliseconds. */
  close(drainTimeoutMs: number): Promise<void>;
}

/** Creates a drain that accepts calls until `close`. */
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
