import { withSignal } from "../../concurrency/with-signal.ts";

/** The targets of one test, in the worker. */
export interface AcquiredTargets {
  /**
   * Resolves when the test may dial the target; rejects with the signal's reason, because a test without permission is
   * cancelled.
   */
  acquire(target: string, signal: AbortSignal): Promise<void>;
  /** Records the permission that `ask` requested. */
  granted(target: string): void;
}

/** Returns the targets of a test; each one is requested once, by `ask`. */
export function acquireTargets(ask: (target: string) => void): AcquiredTargets {
  const asked = new Map<string, PromiseWithResolvers<void>>();
  return {
    acquire: (target, signal) => {
      const known = asked.get(target);
      if (known !== undefined) return withSignal(known.promise, signal);
      const first = Promise.withResolvers<void>();
      asked.set(target, first);
      ask(target);
      return withSignal(first.promise, signal);
    },
    granted: (target) => asked.get(target)?.resolve(),
  };
}
