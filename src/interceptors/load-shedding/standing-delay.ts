/** What is long only now and then is a burst, which goes by; what is long all the time is a queue that does not get shorter. */
export interface StandingDelay {
  /** How long something has waited or lasted just now, in milliseconds. */
  report(ms: number): void;
  /** It was too long each time for a while, not long ago. */
  standing(): boolean;
}

export interface StandingDelayOptions {
  /** What is longer than this is too long, in milliseconds. */
  readonly targetMs: number;
  /** For how long each report must be too long before it counts, in milliseconds. */
  readonly afterMs: number;
  /** For how long it counts after the last one that was, in milliseconds. */
  readonly keepMs: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** The idea is CoDel's (RFC 8289): the least delay of an interval tells a standing queue from a burst. */
export function createStandingDelay({ targetMs, afterMs, keepMs, now }: StandingDelayOptions): StandingDelay {
  let since = 0;
  let last = Number.NEGATIVE_INFINITY;
  let found = false;
  return {
    report: (ms) => {
      const at = now();
      if (ms <= targetMs) {
        since = at;
        return;
      }
      // Nothing was reported for a while before this began: what was too long then says nothing about now.
      if (at - ms - last > afterMs) since = at;
      last = at;
      if (at - since >= afterMs) found = true;
    },
    standing: () => {
      if (found && now() - last > keepMs) found = false;
      return found;
    },
  };
}
