/** A thread that is asked whether it still answers. */
export interface WatchedThread {
  /** Sends it a question that it answers at once, when it is not busy with something else. */
  ping(): void;
  /** The processor time that it has used so far, in milliseconds. */
  usedMs(): Promise<number>;
}

export interface Watchdog {
  begin(): void;
  /** The thread has answered. */
  onPong(): void;
  end(): void;
}

const checkEveryMs = 100;

/** What does not answer and computes nothing either waits as many times longer: for a processor, or for ever. */
const withoutProcessor = 10;

/**
 * Asks every now and then, and says when an answer is late: when the thread has spent `withinMs` of processor time on
 * something else. Time in which it got no processor is not counted: on a machine that is busy with other work a thread with
 * a low priority answers late without any fault of its own, and to end it would make still more work. Nor is time counted in
 * which this thread could not listen.
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
