import { LRUCache } from "lru-cache";
import { createTestRoom, type TestRoom, type TestTask } from "./create-test-room.ts";
import { defaultTargetLimits, limitTargets, type TargetLimits } from "./limit-targets.ts";
import { openTestThreads, type TestThreads, type TestThreadsOptions, threadDefaults } from "./open-test-threads.ts";
import type { DiscoveryOutcome } from "./run-test.ts";

/** Thrown to a test in the lobby whose thread was ended: it is not known yet which of them was to blame. */
class MovedOut extends Error {
  override readonly name = "MovedOut";
}

/**
 * How long the lobby may not come back from what it does, in milliseconds of processor time. What takes longer is more than a
 * test that others can wait for; so it is about how late the tests of others can be.
 */
const answersWithinMs = 1000;

/** The lobby holds more and more client libraries, but is needed again soon. */
const lobbyIdleMs = 600_000;

/** How long an organization whose target ended a thread by force has to itself, in milliseconds, and how many are known. */
const suspicion = { max: 10_000, ttl: 600_000 };

export interface TestLobbyOptions extends TestThreadsOptions {
  readonly targetLimits?: TargetLimits;
}

/**
 * One thread in which the tests of all organizations begin: the lobby. A thread costs 0.15 s of a processor to start, and
 * twenty organizations that begin to test at the same time slowed every other call down while theirs started.
 *
 * When the lobby is ended by force (it crashed, took too much memory, did not come back) nobody knows whose target did it.
 * Tests change nothing, so all that were in it run again, each in a thread of its own organization, where what a target does
 * hurts nobody else. The organization whose thread has to be ended there as well tests on its own for the next ten minutes.
 */
export function openTestLobby(options: TestLobbyOptions): TestThreads {
  const { onForce: _, targetLimits = defaultTargetLimits, ...limits } = options;
  const dialedBy = limitTargets(targetLimits);
  const suspects = new LRUCache<string, true>(suspicion);
  const own = openTestThreads({ ...limits, onForce: (organizationId) => void suspects.set(organizationId, true) });
  const ending = new Set<Promise<unknown>>();
  let lobby: TestRoom | undefined;
  let closed = false;

  const openLobby = (): TestRoom => {
    const room = createTestRoom({
      ...threadDefaults,
      ...limits,
      idleMs: options.idleMs ?? lobbyIdleMs,
      answersWithinMs,
      ended: (): DiscoveryOutcome => {
        throw new MovedOut();
      },
      onEnd: (ended) => {
        if (lobby === room) lobby = undefined;
        ending.add(ended);
        void ended.finally(() => ending.delete(ended));
      },
    });
    void room.open();
    return room;
  };

  /** `start` makes the task anew for each thread that it runs in. */
  const run = async (organizationId: string, start: () => TestTask) => {
    if (closed || suspects.has(organizationId)) return own.run({ ...start(), organizationId });
    lobby ??= openLobby();
    const task = start();
    const endsAt = performance.now() + task.deadlineMs;
    try {
      return await lobby.run(task);
    } catch (error) {
      if (!(error instanceof MovedOut)) throw error;
      task.signal.throwIfAborted();
      const deadlineMs = Math.max(1, endsAt - performance.now());
      return own.run({ ...start(), organizationId, deadlineMs });
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
      lobby?.close();
      await Promise.all([own.close(), ...ending]);
    },
  };
}
