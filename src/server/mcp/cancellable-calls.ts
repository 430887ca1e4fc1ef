/** Calls that run and can be cancelled by a message of its own, which comes in another HTTP request. */
export interface CancellableCalls {
  /** Runs a call under a key; its signal is aborted when that is cancelled. */
  run<T>(key: string, signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Cancels the call with this key; none when two have the same. */
  cancel(key: string): void;
}

/**
 * Without sessions a call is found by the token that it came with and the id that its client gave it. Two clients with one
 * token can use the same id: then it is not clear who is meant, and nobody is cancelled.
 */
export function createCancellableCalls(): CancellableCalls {
  const running = new Map<string, Set<AbortController>>();
  return {
    run: async (key, signal, call) => {
      const canceller = new AbortController();
      const same = running.get(key) ?? new Set();
      running.set(key, same.add(canceller));
      try {
        return await call(AbortSignal.any([signal, canceller.signal]));
      } finally {
        same.delete(canceller);
        if (same.size === 0) running.delete(key);
      }
    },
    cancel: (key) => {
      const [only, ...others] = running.get(key) ?? [];
      if (others.length === 0) only?.abort();
    },
  };
}
