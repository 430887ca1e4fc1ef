/** A thread under supervision. */
export interface WatchedThread {
  /** Sends a ping, to which an idle thread responds at once. */
  ping(): void;
  /** Resolves with the processor time used so far, in milliseconds. */
  usedMs(): Promise<number>;
}

/** The supervision of one thread. */
export interface Watchdog {
  /** Starts the supervision. */
  begin(): void;
  /** Records the response to a ping. */
  onPong(): void;
  /** Stops the supervision. */
  end(): void;
}

/** The interval between two checks, in milliseconds. */
const checkEveryMs = 100;

/** The factor on `withinMs` for the elapsed time of a thread that does not respond and uses no processor. */
const withoutProcessor = 10;

/**
 * Pings a thread and calls `onLate` when it has used more than `withinMs` milliseconds of processor time since the ping. Time
 * without a processor does not count: on a busy machine a thread of low priority responds late without a fault, and its
 * termination would cause more work. Neither does time in which the main thread was blocked.
 */
export function startWatchdog(thread: WatchedThread, withinMs: number, onLate: () => void): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  let pending: { waitedMs: number; usedBefore?: Promise<number> } | undefined;
  let checkedAt = 0;
  const check = async () => {
    const now = performance.now();
    const passed = Math.min(now - checkedAt, 2 * checkEveryMs);
    checkedAt = now;
    if (pending === undefined) {
      pending = { waitedMs: 0 };
      return thread.ping();
    }
    const open = pending;
    open.waitedMs += passed;
    if (open.waitedMs > withoutProcessor * withinMs) return onLate();
    open.usedBefore ??= thread.usedMs();
    const used = (await thread.usedMs()) - (await open.usedBefore);
    if (pending === open && used > withinMs) onLate();
  };
  return {
    begin: () => {
      checkedAt = performance.now();
      timer = setInterval(() => void check(), checkEveryMs);
    },
    onPong: () => {
      pending = undefined;
    },
    end: () => clearInterval(timer),
  };
}
