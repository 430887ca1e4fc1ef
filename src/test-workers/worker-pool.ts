import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import type { DiscoveryOutcome } from "./probe/run-probe.ts";
import { createWorkerClient, type TestTask, type WorkerClient } from "./worker-client.ts";

/** Runs tests in threads, one for each organization that tests at present: what a target does hurts its own alone. */
export interface WorkerPool {
  /**
   * Runs a test, or with a question a discovery. Rejects with the signal's reason as soon as the caller goes away, and with
   * ApiError TOO_MANY_TESTS when it could not begin before its deadline.
   */
  run(task: TestTask & { readonly organizationId: string }): Promise<DiscoveryOutcome>;
  /** Ends all threads. */
  close(): Promise<void>;
}

export interface WorkerPoolOptions {
  readonly egress: EgressPolicyOptions;
  /** Where the threads keep compiled code for the next one: a folder that only this service may write to. */
  readonly cacheDir?: string | undefined;
  readonly log: Logger;
  /** More threads than this are kept only while all of them have tests. */
  readonly maxThreads: number;
  /** How many may load at a time. */
  readonly maxLoading?: number;
  readonly terminationDelayMs?: number;
  readonly idleMs?: number;
  /** In bytes; see `workerDefaults`. */
  readonly maxMemory?: number;
  /** Called when the thread of an organization was ended by force. */
  onTerminated?(organizationId: string): void;
}

/**
 * A test in a fresh thread takes 0.15 s more than the 5 ms of one in a running thread (0.35 s where nothing compiled is
 * kept; all of it is loading code), and a thread holds 42 MB. So it is kept for a while, for whoever tries again after a
 * correction. 256 MB is eight times the largest answer that one connection of a test reads.
 */
export const workerDefaults = { terminationDelayMs: 500, idleMs: 10_000, maxMemory: 256e6 };

/**
 * Loading is CPU time, so threads that begin at once are queued and leave half of the machine to everything else. Twenty
 * of them on two cores, one after the other: the last has loaded after 4 to 6 s.
 */
const defaultMaxLoading = Math.max(1, Math.floor(availableParallelism() / 2));

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
      // Whoever waited for it may have gone.
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
