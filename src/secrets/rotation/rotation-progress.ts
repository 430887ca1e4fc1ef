/** Prints the progress of a long job: at most one line per second, and one at its end. */
export interface RotationProgress {
  add(count: number): void;
  /** Prints the last line. Returns the number of items done. */
  end(): number;
}

/**
 * Returns the progress of a job. `what` names the work and its items, such as `data keys re-wrapped`. `total` is an estimate
 * that may be exceeded.
 */
export function createRotationProgress(print: (line: string) => void, what: string, total: number): RotationProgress {
  const began = performance.now();
  let done = 0;
  let said = began;
  const say = () => {
    const rate = Math.round(done / Math.max((performance.now() - began) / 1000, 0.001));
    print(`${what}: ${done} of ${Math.max(done, total)}${done === 0 ? "" : `, ${rate} per second`}`);
  };
  return {
    add: (count) => {
      done += count;
      if (performance.now() - said < 1000) return;
      said = performance.now();
      say();
    },
    end: () => {
      say();
      return done;
    },
  };
}
