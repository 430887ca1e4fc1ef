import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import type { DiscoveryOutcome } from "./probe/run-probe.ts";
import { createWorkerClient, type TestTask, type WorkerClient } from "./worker-client.ts";

/** A pool with one worker for each organization that currently tests, so that a target affects only its own organization. */
export interface WorkerPool {
  /**
   * Runs a test, or a discovery when `discovery` is set. Rejects with the signal's reason as soon as the caller cancels, and
   * with ApiError TOO_MANY_TESTS when the test could not begin before its deadline.
   */
  run(task: TestTask & { readonly organizationId: string }): Promise<DiscoveryOutcome>;
  /** Terminates all workers; resolves when they have ended. */
  close(): Promise<void>;
}

/** The options of `createWorkerPool`. */
export interface WorkerPoolOptions {
  readonly egress: EgressPolicyOptions;
  /** The folder of the compile cache, to which only this service may have write access. Default: no cache. */
  readonly cacheDir?: string | undefined;
  readonly log: Logger;
  /** The number of workers above which an idle one is closed for a new one; exceeded only while all workers have tests. */
  readonly maxThreads: number;
  /** The maximum number of workers that load concurrently. Default: half of the available processors, at least 1. */
  readonly maxLoading?: number;
  /** The time after its end or cancellation that a test may take to respond, in milliseconds. Default: 500. */
  readonly terminationDelayMs?: number;
  /** The idle time before a worker ends, in milliseconds. Default: 10 000. */
  readonly idleMs?: number;
  /** The maximum memory of a worker, in bytes. Default: 256 000 000; see `workerDefaults`. */
  readonly maxMemory?: number;
  /** Called when the worker of an organization was terminated because of a fault. Default: none. */
  onTerminated?(organizationId: string): void;
}

/**
 * A test in a new worker takes 0.15 s more than the 5 ms of one in a running worker (0.35 s without a compile cache; the time
 * is that of loading code), and a worker takes 42 MB. An idle worker is therefore kept for a while, for another attempt after a
 * correction. 256 MB is eight times the largest response that one connection of a test reads. Units: milliseconds, bytes.
 */
export const workerDefaults = { terminationDelayMs: 500, idleMs: 10_000, maxMemory: 256e6 };

/**
 * Loading takes processor time, so workers that start together are queued, and half of the processors stay free. Twenty workers
 * on two processors, one after the other: the last has loaded after 4 to 6 s.
 */
const defaultMaxLoading = Math.max(1, Math.floor(availableParallelism() / 2));

/** Returns a pool without workers; the first test of an organization starts its worker. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { maxThreads, maxLoading = defaultMaxLoading, log, onTerminated, ...limits } = options;
  const clients = new Map<string, WorkerClient>();
  const loadQueue: WorkerClient[] = [];
  const ending = new Set<Promise<unknown>>();
  let loading = 0;

  const loadNext = () => {
    while (loading < maxLoading) {
      const client = loadQueue.shift();
      if (client === undefined) return;
      // Its callers may have cancelled.
      if (client.isIdle()) {
        client.close();
        continue;
      }
      loading += 1;
      void client.open().then(() => {
        loading -= 1;
        loadNext();
      });
    }
  };
  const clientOf = (organizationId: string): WorkerClient => {
    const known = clients.get(organizationId);
    if (known !== undefined) return known;
    if (clients.size >= maxThreads)
      clients
        .values()
        .find((client) => client.isIdle())
        ?.close();
    const client = createWorkerClient({
      ...workerDefaults,
      ...limits,
      log: log.child({ organizationId }),
      onTerminated: () => onTerminated?.(organizationId),
      onEnd: (ended) => {
        clients.delete(organizationId);
        ending.add(ended);
        void ended.finally(() => ending.delete(ended));
      },
    });
    clients.set(organizationId, client);
    loadQueue.push(client);
    return client;
  };
  return {
    run: async ({ organizationId, ...task }) => {
      task.signal.throwIfAborted();
      const running = clientOf(organizationId).run(task);
      loadNext();
      return running;
    },
    close: async () => {
      for (const client of clients.values()) client.close();
      await Promise.all(ending);
    },
  };
}
