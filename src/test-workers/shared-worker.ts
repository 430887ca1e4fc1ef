import { LRUCache } from "lru-cache";
import { defaultTargetLimits, limitTargets, type TargetLimits } from "./limit-targets.ts";
import type { DiscoveryOutcome } from "./probe/run-probe.ts";
import { createWorkerClient, type TestTask, type WorkerClient } from "./worker-client.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions, workerDefaults } from "./worker-pool.ts";

/** Thrown to a test in the shared worker when that was terminated: it is not known yet which of its tests was the cause. */
class WorkerTerminated extends Error {
  override readonly name = "WorkerTerminated";
}

/**
 * How long the shared worker may not respond, in milliseconds of processor time. What takes longer is more than a
 * test that others can wait for; so it is about how late the tests of others can be.
 */
const respondsWithinMs = 1000;

/** The shared worker holds more and more client libraries, but is needed again soon. */
const sharedIdleMs = 600_000;

/** How long an organization is quarantined after its target had a worker terminated, in milliseconds, and how many are known. */
const quarantine = { max: 10_000, ttl: 600_000 };

export interface SharedWorkerOptions extends WorkerPoolOptions {
  readonly targetLimits?: TargetLimits;
}

/**
 * One worker thread in which the tests of all organizations begin. A thread costs 0.15 s of a processor to start, and
 * twenty organizations that begin to test at the same time slowed every other call down while theirs started.
 *
 * When the shared worker is terminated (it crashed, took too much memory, did not respond) the cause is not known.
 * Tests change nothing, so all that were in it run again, each in a thread of its own organization, where what a target does
 * hurts no other organization. One whose thread has to be terminated there as well is quarantined for the next ten minutes.
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

  /** `start` makes the task again for each thread that it runs in. */
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
