/** Calls that have arrived and are begun a few at a time, so that the event loop comes round to everything else meanwhile. */
export interface CallQueue<Call> {
  /** Begins a call at once when nothing waits and there is time, else in its turn. `caller` is whose share it takes. */
  add(caller: string, call: Call): void;
  /** How many wait. */
  readonly size: number;
}

export interface CallQueueOptions<Call> {
  readonly begin: (call: Call) => void;
  /** Called in place of `begin` for one that has waited too long. */
  readonly refuse: (call: Call, caller: string) => void;
  /** Nobody waits for it any more. */
  readonly isGone: (call: Call) => boolean;
  /** A clock in milliseconds. */
  readonly now?: () => number;
  /** Runs something in the next turn of the event loop. */
  readonly later?: (run: () => void) => void;
}

/** For how long a turn of the event loop begins calls as they come, in milliseconds. */
const turnMs = 20;
/** How many of those that wait a turn begins, and how many it refuses. */
const beginning = 8;
const refusing = 64;
/** How long a call may wait, in milliseconds, and how long when the queue has not been empty for `standingMs`. */
const maxWaitMs = 2000;
const standingWaitMs = 200;
const standingMs = 2000;
/** Fewer than these that wait are not refused before `maxWaitMs`. */
const freeWaiting = 256;

interface Waiting<Call> {
  readonly call: Call;
  readonly since: number;
}

/**
 * Each caller has a line of its own and they take turns, so one that floods the server waits behind its own calls alone. What has
 * waited past its use is refused unread: in a burst after two seconds, and when the queue does not get empty after a fifth of
 * one, because then waiting longer only makes every call late.
 */
export function createCallQueue<Call>(options: CallQueueOptions<Call>): CallQueue<Call> {
  const { begin, refuse, isGone, now = () => performance.now(), later = (run) => void setImmediate(run) } = options;
  const lines = new Map<string, Waiting<Call>[]>(); // whose turn it is comes first
  const heads = new Map<string, number>(); // how much of a line is done
  let size = 0;
  let emptyAt = 0;
  let turn: number | undefined;

  const next = (): { caller: string; waiting: Waiting<Call> } | undefined => {
    for (const [caller, line] of lines) {
      const at = heads.get(caller) ?? 0;
      const waiting = line[at] as Waiting<Call>;
      size -= 1;
      lines.delete(caller);
      heads.delete(caller);
      if (at + 1 < line.length) {
        const compact = at > 1000;
        lines.set(caller, compact ? line.slice(at + 1) : line); // the last in turn now
        if (!compact) heads.set(caller, at + 1);
      }
      return { caller, waiting };
    }
    return undefined;
  };
  const drain = () => {
    turn = undefined;
    const at = now();
    for (let begun = 0, refused = 0; size > 0 && begun < beginning && refused < refusing; ) {
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
      const line = lines.get(caller);
      if (line === undefined) lines.set(caller, [{ call, since: at }]);
      else line.push({ call, since: at });
    },
    get size() {
      return size;
    },
  };
}
