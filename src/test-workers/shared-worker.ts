import { LRUCache } from "lru-cache";
import { defaultTargetLimits, limitTargets, type TargetLimits } from "./limit-targets.ts";
import type { DiscoveryOutcome } from "./probe/run-probe.ts";
import { createWorkerClient, type TestTask, type WorkerClient } from "./worker-client.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions, workerDefaults } from "./worker-pool.ts";

/** Rejects each test in the shared worker when it was terminated: which test was the cause is not known yet. */
class WorkerTerminated extends Error {
  override readonly name = "WorkerTerminated";
}

/**
 * The maximum time without a response of the shared worker, in milliseconds of processor time. It bounds the delay that one
 * test can cause to others.
 */
const respondsWithinMs = 1000;

/**
 * The idle time before the shared worker ends, in milliseconds: its loaded client libraries take memory, but are soon needed
 * again.
 */
const sharedIdleMs = 600_000;

/**
 * The duration of a quarantine after a target had a worker terminated, in milliseconds, and the maximum number of quarantined
 * organizations.
 */
const quarantine = { max: 10_000, ttl: 600_000 };

/** The options of `openSharedWorker`. */
export interface SharedWorkerOptions extends WorkerPoolOptions {
  /** Limits of tests by dialed address. Default: `defaultTargetLimits`. */
  readonly targetLimits?: TargetLimits;
}

/**
 * Returns a pool with one shared worker, in which the tests of all organizations start. The start of a thread takes 0.15 s of a
 * processor; twenty organizations that started theirs at the same time slowed every other call down.
 *
 * When the shared worker is terminated (crash, memory, no response) the cause is not known. Tests change nothing, so all of its
 * tests run again, each in a worker of its organization, where a target cannot affect other organizations. An organization
 * whose own worker is terminated too is quarantined for ten minutes.
 */
export function openSharedWorker(options: SharedWorkerOptions): WorkerPool {
  const { onTerminated: _, targetLimits = defaultTargetLimits, ...limits } = options;
  const dialedBy = limitTargets(targetLimits);
  const quarantined = new LRUCache<string, true>(quarantine);
  const workers = createWorkerPool({
    ...limits,
    onTerminated: (organizationId) => void quarantined.set(organizationId, true),
  });
  const ending = new Set<Promise<unknown>>();
  let shared: WorkerClient | undefined;
  let closed = false;

  const openShared = (): WorkerClient => {
    const client = createWorkerClient({
      ...workerDefaults,
      ...limits,
      idleMs: options.idleMs ?? sharedIdleMs,
      respondsWithinMs,
      outcomeOfTerminated: (): DiscoveryOutcome => {
        throw new WorkerTerminated();
      },
      onEnd: (ended) => {
        if (shared === client) shared = undefined;
        ending.add(ended);
        void ended.finally(() => ending.delete(ended));
      },
    });
    void client.open();
    return client;
  };

  /** `start` creates the task again for each worker in which it runs. */
  const run = async (organizationId: string, start: () => TestTask) => {
    if (closed || quarantined.has(organizationId)) return workers.run({ ...start(), organizationId });
    shared ??= openShared();
    const task = start();
    const endsAt = performance.now() + task.deadlineMs;
    try {
      return await shared.run(task);
    } catch (error) {
      if (!(error instanceof WorkerTerminated)) throw error;
      task.signal.throwIfAborted();
      const deadlineMs = Math.max(1, endsAt - performance.now());
      return workers.run({ ...start(), organizationId, deadlineMs });
    }
  };

  return {
    run: async ({ organizationId, ...task }) => {
      task.signal.throwIfAborted();
      const targets = dialedBy(organizationId);
      const signal = AbortSignal.any([task.signal, targets.signal]);
      const ends: Promise<void>[] = [];
      const start = () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        ends.push(promise);
        return { ...task, signal, acquireTarget: targets.acquire, onEnd: resolve };
      };
      try {
        return await run(organizationId, start);
      } finally {
        void Promise.all(ends).then(targets.release);
      }
    },
    close: async () => {
      closed = true;
      shared?.close();
      await Promise.all([workers.close(), ...ending]);
    },
  };
}
