import { withSignal } from "../../concurrency/with-signal.ts";

/** The targets of one test, on its side of the thread. */
export interface AcquiredTargets {
  /** Resolves when the test may dial the target. One that may not is cancelled: then it rejects with the signal's reason. */
  acquire(target: string, signal: AbortSignal): Promise<void>;
  /** The answer to `ask`. */
  granted(target: string): void;
}

/** Asks for each target once, by `ask`. */
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
