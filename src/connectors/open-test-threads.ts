import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import { createTestRoom, type TestRoom, type TestTask } from "./create-test-room.ts";
import type { DiscoveryOutcome } from "./run-test.ts";

/** Runs tests in threads, one for each organization that tests at present: what a target does hurts its own alone. */
export interface TestThreads {
  /**
   * Runs a test, or with a question a discovery. Rejects with the signal's reason as soon as the caller goes away, and with
   * Failure TOO_MANY_TESTS when it could not begin before its deadline.
   */
  run(task: TestTask & { readonly organizationId: string }): Promise<DiscoveryOutcome>;
  /** Ends all threads. */
  close(): Promise<void>;
}

export interface TestThreadsOptions {
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
  /** In bytes; see `threadDefaults`. */
  readonly maxMemory?: number;
  /** Called when the thread of an organization was ended by force. */
  onForce?(organizationId: string): void;
}

/**
 * A test in a fresh thread takes 0.15 s more than the 5 ms of one in a running thread (0.35 s where nothing compiled is
 * kept; all of it is loading code), and a thread holds 42 MB. So it is kept for a while, for whoever tries again after a
 * correction. 256 MB is eight times the largest answer that one connection of a test reads.
 */
export const threadDefaults = { terminationDelayMs: 500, idleMs: 10_000, maxMemory: 256e6 };

/**
 * Loading is CPU time, so threads that begin at once wait in line and leave half of the machine to everything else. Twenty
 * of them on two cores, one after the other: the last has loaded after 4 to 6 s.
 */
const defaultMaxLoading = Math.max(1, Math.floor(availableParallelism() / 2));

export function openTestThreads(options: TestThreadsOptions): TestThreads {
  const { maxThreads, maxLoading = defaultMaxLoading, log, onForce, ...limits } = options;
  const rooms = new Map<string, TestRoom>();
  const line: TestRoom[] = [];
  const ending = new Set<Promise<unknown>>();
  let loading = 0;

  const loadNext = () => {
    while (loading < maxLoading) {
      const room = line.shift();
      if (room === undefined) return;
      // Whoever waited for it may have gone.
      if (room.isIdle()) {
        room.close();
        continue;
      }
      loading += 1;
      void room.open().then(() => {
        loading -= 1;
        loadNext();
      });
    }
  };
  const roomOf = (organizationId: string): TestRoom => {
    const known = rooms.get(organizationId);
    if (known !== undefined) return known;
    if (rooms.size >= maxThreads)
      rooms
        .values()
        .find((room) => room.isIdle())
        ?.close();
    const room = createTestRoom({
      ...threadDefaults,
      ...limits,
      log: log.child({ organizationId }),
      onForce: () => onForce?.(organizationId),
      onEnd: (ended) => {
        rooms.delete(organizationId);
        ending.add(ended);
        void ended.finally(() => ending.delete(ended));
      },
    });
    rooms.set(organizationId, room);
    line.push(room);
    return room;
  };
  return {
    run: async ({ organizationId, ...task }) => {
      task.signal.throwIfAborted();
      const running = roomOf(organizationId).run(task);
      loadNext();
      return running;
    },
    close: async () => {
      for (const room of rooms.values()) room.close();
      await Promise.all(ending);
    },
  };
}
