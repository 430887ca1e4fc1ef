import { setTimeout as sleep } from "node:timers/promises";
import type { Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { aroundCall } from "./around-call.ts";

/**
 * Counts the calls that run, whatever door they came by, so that a stop can wait for them and for nothing else:
 * a health watcher's stream, for one, never ends by itself.
 */
export interface CallGate {
  /** Lets a call in, or refuses it with UNAVAILABLE once the gate is closed. */
  readonly interceptor: Interceptor;
  /** Lets no more calls in, and resolves when those inside have left, or after `drainTimeoutMs`. */
  close(drainTimeoutMs: number): Promise<void>;
}

export function createCallGate(): CallGate {
  const empty = Promise.withResolvers<void>();
  let inside = 0;
  let closed = false;
  return {
    interceptor: (next) => (request) => {
      if (closed)
        return Promise.reject(
          new Failure(ErrorReason.STOPPING, "this server is stopping: call again", { retryAfterMs: 100 }),
        );
      inside += 1;
      return aroundCall(next, request, {
        over: () => {
          inside -= 1;
          if (closed && inside === 0) empty.resolve();
        },
      });
    },
    close: async (drainTimeoutMs) => {
      closed = true;
      if (inside > 0) await Promise.race([empty.promise, sleep(drainTimeoutMs, undefined, { ref: false })]);
    },
  };
}
