/** Tells a person how a long job goes: a line a second at most, and one at its end. */
export interface RotationProgress {
  add(count: number): void;
  /** How many were done. */
  end(): number;
}

/** `what` is what is done to how many, such as `data keys re-wrapped`. A total may turn out to be less than there is. */
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
