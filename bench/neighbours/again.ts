import { setTimeout as sleep } from "node:timers/promises";

/** Callers that call again as soon as they are answered. */
export interface Callers {
  /** Resolves with how many calls were answered and how many were refused, when the last is over. */
  end(): Promise<{ readonly done: number; readonly failed: number }>;
}

/** Starts `count` of them. One that was refused waits a moment, as a client does. */
export function again(count: number, call: () => Promise<unknown>): Callers {
  let [done, failed, ended] = [0, 0, false];
  const loop = async () => {
    while (!ended) {
      try {
        await call();
        done += 1;
      } catch {
        failed += 1;
        await sleep(100);
      }
    }
  };
  const loops = Array.from({ length: count }, loop);
  return {
    end: async () => {
      ended = true;
      await Promise.all(loops);
      return { done, failed };
    },
  };
}
