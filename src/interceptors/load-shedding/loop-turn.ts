/** How long the present turn of the event loop has been at work for calls. */
export interface LoopTurn {
  /** Milliseconds since the first call of this turn; asking is what begins one. */
  elapsed(): number;
  /** Calls that were let in although the turn was over its time. */
  extra: number;
}

/**
 * Whoever waits for the event loop, a health check for one, waits for the end of its turn. All calls that have arrived are
 * begun in the same turn, however many they are. `atEnd` runs something when the turn has read what there was to read.
 */
export function createLoopTurn(options: {
  /** A clock in milliseconds. */
  readonly now: () => number;
  readonly atEnd: (run: () => void) => void;
  /** Called at the end of each turn that had calls, with how long it took for them. */
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
