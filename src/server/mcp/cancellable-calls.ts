/** Running calls that a message in another HTTP request can cancel. */
export interface CancellableCalls {
  /** Runs a call under a key; `cancel` with this key aborts its signal. Returns or throws the result of the call. */
  run<T>(key: string, signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Cancels the call with this key; none when several have it. */
  cancel(key: string): void;
}

/**
 * Creates an empty set of calls. Without sessions the key of a call is its token and the id that its client chose. Two clients
 * with one token may use the same id: such a call is ambiguous and is not cancelled.
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
