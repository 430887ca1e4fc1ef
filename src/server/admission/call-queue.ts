/** A queue that starts a few calls in each turn of the event loop, so that other work runs in between. */
export interface CallQueue<Call> {
  /** Starts a call at once when the queue is empty and the turn has time left, else in round robin order of the callers. */
  add(caller: string, call: Call): void;
  /** The number of waiting calls. */
  readonly size: number;
}

/** The callbacks and the clock of a call queue. */
export interface CallQueueOptions<Call> {
  readonly begin: (call: Call) => void;
  /** Called in place of `begin` for a call that has waited too long. */
  readonly refuse: (call: Call, caller: string) => void;
  /** Returns whether the caller has disconnected; the call is then dropped. */
  readonly isGone: (call: Call) => boolean;
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** Runs a function in the next turn of the event loop. Default: `setImmediate`. */
  readonly later?: (run: () => void) => void;
}

/** Milliseconds of a turn in which arriving calls start at once. */
const turnMs = 20;
/** Waiting calls that one turn starts, and that it refuses. */
const startsPerTurn = 8;
const refusalsPerTurn = 64;
/** Milliseconds that a call may wait: `maxWaitMs`, or `standingWaitMs` when the queue has not been empty for `standingMs`. */
const maxWaitMs = 2000;
const standingWaitMs = 200;
const standingMs = 2000;
/** A queue of at most this many calls is not refused before `maxWaitMs`. */
const freeWaiting = 256;

interface Waiting<Call> {
  readonly call: Call;
  readonly since: number;
}

/**
 * Creates a queue with a FIFO list for each caller, served round robin, so that a caller who floods the server delays its own
 * calls only. A call that has waited too long is refused unread: after 2 s in a burst, after 200 ms when the queue has not been
 * empty for 2 s, because a longer wait would only delay every call.
 */
export function createCallQueue<Call>(options: CallQueueOptions<Call>): CallQueue<Call> {
  const { begin, refuse, isGone, now = () => performance.now(), later = (run) => void setImmediate(run) } = options;
  const waitingByCaller = new Map<string, Waiting<Call>[]>(); // the next caller comes first
  const startedByCaller = new Map<string, number>(); // the started calls at the beginning of each list
  let size = 0;
  let emptyAt = 0;
  let turn: number | undefined;

  const next = (): { caller: string; waiting: Waiting<Call> } | undefined => {
    for (const [caller, list] of waitingByCaller) {
      const at = startedByCaller.get(caller) ?? 0;
      const waiting = list[at] as Waiting<Call>;
      size -= 1;
      waitingByCaller.delete(caller);
      startedByCaller.delete(caller);
      if (at + 1 < list.length) {
        const compact = at > 1000;
        waitingByCaller.set(caller, compact ? list.slice(at + 1) : list); // the caller goes to the end
        if (!compact) startedByCaller.set(caller, at + 1);
      }
      return { caller, waiting };
    }
    return undefined;
  };
  const drain = () => {
    turn = undefined;
    const at = now();
    for (let begun = 0, refused = 0; size > 0 && begun < startsPerTurn && refused < refusalsPerTurn; ) {
      const taken = next();
      if (taken === undefined || isGone(taken.waiting.call)) continue;
      const standing = at - emptyAt > standingMs && size > freeWaiting;
      if (at - taken.waiting.since > (standing ? standingWaitMs : maxWaitMs)) {
        refused += 1;
        refuse(taken.waiting.call, taken.caller);
      } else {
        begun += 1;
        begin(taken.waiting.call);
      }
    }
    if (size > 0) later(drain);
    else emptyAt = at;
  };

  return {
    add: (caller, call) => {
      const at = now();
      if (turn === undefined) {
        turn = at;
        if (size === 0) {
          emptyAt = at;
          later(drain);
        }
      }
      if (size === 0 && at - turn < turnMs) return begin(call);
      size += 1;
      const list = waitingByCaller.get(caller);
      if (list === undefined) waitingByCaller.set(caller, [{ call, since: at }]);
      else list.push({ call, since: at });
    },
    get size() {
      return size;
    },
  };
}
