import type { Logger } from "pino";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import { notSupported, type TestOutcome } from "./run-test.ts";
import { startTestThread, type TestThread, type ThreadTest } from "./start-test-thread.ts";

/** Runs tests in threads, one for each organization that tests at present: what a target does hurts its own alone. */
export interface TestThreads {
  /** Rejects with the signal's reason as soon as the caller goes away. */
  run(test: ThreadTest & { readonly organizationId: string }): Promise<TestOutcome>;
  /** Ends all threads. */
  close(): Promise<void>;
}

export interface TestThreadsOptions {
  readonly egress: EgressPolicyOptions;
  readonly log: Logger;
  /** More threads than this are kept only while all of them have tests. */
  readonly maxThreads: number;
  readonly graceMs?: number;
  readonly idleMs?: number;
  /** In bytes; see `defaults`. */
  readonly maxMemory?: number;
}

/**
 * A test in a fresh thread takes 0.25 s more than the 5 ms of one in a running thread (two cores at 3 GHz; all of it is
 * loading code, so the first is no slower), and a thread holds 35 MB. So it is kept for a while, for whoever tries again
 * after a correction. 256 MB is eight times the largest answer that one connection of a test reads.
 */
const defaults = { graceMs: 500, idleMs: 10_000, maxMemory: 256e6 };

export function openTestThreads({ maxThreads, log, ...options }: TestThreadsOptions): TestThreads {
  const threads = new Map<string, TestThread>();
  const ending = new Set<Promise<unknown>>();
  const start = (organizationId: string): TestThread => {
    if (threads.size >= maxThreads)
      threads
        .values()
        .find((thread) => thread.isIdle())
        ?.close();
    const thread = startTestThread({
      ...defaults,
      ...options,
      log: log.child({ organizationId }),
      onEnd: (ended) => {
        threads.delete(organizationId);
        ending.add(ended);
        void ended.finally(() => ending.delete(ended));
      },
    });
    threads.set(organizationId, thread);
    return thread;
  };
  return {
    run: async ({ organizationId, ...test }) => {
      if (test.connector.test === undefined) return notSupported();
      test.signal.throwIfAborted();
      const thread = threads.get(organizationId) ?? start(organizationId);
      return thread.run(test);
    },
    close: async () => {
      for (const thread of threads.values()) thread.close();
      await Promise.all(ending);
    },
  };
}
