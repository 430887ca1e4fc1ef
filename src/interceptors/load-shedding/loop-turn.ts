/** The time that the current turn of the event loop has spent on calls. */
export interface LoopTurn {
  /** Returns the milliseconds since its first invocation in this turn. */
  elapsed(): number;
  /** Calls accepted although the turn had exceeded its time. */
  extra: number;
}

/**
 * Measures turns of the event loop: a health check waits for the end of a turn, and all calls that have arrived start in the same
 * turn. `atEnd` runs a function when the turn has read all available input.
 */
export function createLoopTurn(options: {
  /** A clock in milliseconds. */
  readonly now: () => number;
  readonly atEnd: (run: () => void) => void;
  /** Called at the end of each turn that had calls, with its duration in milliseconds. */
  readonly ended: (ms: number) => void;
}): LoopTurn {
  const { now, atEnd, ended } = options;
  let began: number | undefined;
  const end = () => {
    const ms = began === undefined ? 0 : now() - began;
    began = undefined;
    turn.extra = 0;
    ended(ms);
  };
  const turn: LoopTurn = {
    extra: 0,
    elapsed: () => {
      if (began !== undefined) return now() - began;
      began = now();
      atEnd(end);
      return 0;
    },
  };
  return turn;
}
