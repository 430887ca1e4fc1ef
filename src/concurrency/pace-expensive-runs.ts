import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { createOrganizationLimiter, type RunLimited } from "./organization-limiter.ts";

/** The pace of an organization's expensive runs while other organizations call as well. */
export interface Pace {
  /** A run of this duration or less is not expensive, in milliseconds. */
  readonly cheapMs: number;
  /** The pause after an expensive run, as a multiple of its duration: with 9 the organization is busy a tenth of the time. */
  readonly pauseFactor: number;
  /** The longest pause, in milliseconds. */
  readonly maxPauseMs: number;
  /** How long an organization is paced after its last expensive run, in milliseconds. */
  readonly rememberMs: number;
}

/**
 * Returns `run` for callers of which one may take what all need: an organization whose last run was expensive gets one run at a
 * time, each followed by a pause, while `isContended()` says that other organizations call as well. The result is returned
 * before the pause. Runs that wait are limited as in `organization-limiter.ts`, and throw ApiError QUEUE_FULL like those.
 */
export function paceExpensiveRuns(run: RunLimited, pace: Pace, isContended: () => boolean): RunLimited {
  const { cheapMs, pauseFactor, maxPauseMs, rememberMs } = pace;
  const expensive = new LRUCache<string, true>({ max: 10_000, ttl: rememberMs });
  const runAlone = createOrganizationLimiter({ total: 10_000, perOrganization: 1, maxWaiting: 1000 });

  const measured = async <Result>(organizationId: string, work: () => Promise<Result>, took: (ms: number) => void) => {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      const ms = performance.now() - begun;
      if (ms > cheapMs) expensive.set(organizationId, true);
      took(ms);
    }
  };

  const runPaced = <Result>(organizationId: string, work: () => Promise<Result>, signal?: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const runThenPause = async () => {
      let ms = 0;
      const measure = (taken: number) => {
        ms = taken;
      };
      await run(organizationId, () => measured(organizationId, work, measure), signal).then(resolve, reject);
      if (ms > cheapMs && isContended()) {
        await delay(Math.min(ms * pauseFactor, maxPauseMs), undefined, { ref: false });
      }
    };
    runAlone(organizationId, runThenPause, signal).catch(reject);
    return promise;
  };

  return (organizationId, work, signal) =>
    expensive.has(organizationId) && isContended()
      ? runPaced(organizationId, work, signal)
      : run(organizationId, () => measured(organizationId, work, () => {}), signal);
}
