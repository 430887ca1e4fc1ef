/** Distinguishes a standing queue, whose delay is always long, from a burst, whose delay is long for a moment. */
export interface StandingDelay {
  /** Reports a delay that has just ended, in milliseconds. */
  report(ms: number): void;
  /** Returns whether all delays were too long for `afterMs`, and the last of them is at most `keepMs` ago. */
  standing(): boolean;
}

/** The thresholds and the clock. */
export interface StandingDelayOptions {
  /** A delay longer than this is too long, in milliseconds. */
  readonly targetMs: number;
  /** How long every reported delay must be too long, in milliseconds. */
  readonly afterMs: number;
  /** How long the state stays after the last such delay, in milliseconds. */
  readonly keepMs: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** Creates the detector. Like CoDel (RFC 8289) it distinguishes a standing queue from a burst by the minimum delay of an interval. */
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
      // After a while without reports, earlier delays say nothing about the present.
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
