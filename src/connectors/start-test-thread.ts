import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import { describeDefect } from "./describe-defect.ts";
import { watchAnswers } from "./watch-answers.ts";
import type { TestThreadAnswer, TestThreadData, TestThreadOrder } from "./worker-protocol.ts";

export interface TestThreadOptions extends TestThreadData {
  /** Where compiled code is kept for the next thread. Nobody else may be able to write there: what lies there is run. */
  readonly cacheDir?: string | undefined;
  /** With its organization, by which a hostile target can be found. */
  readonly log: Logger;
  /** Heap and buffers together, in bytes. */
  readonly maxMemory: number;
  /** How much processor time it may spend while a question waits once it has loaded, in milliseconds; absent: any. */
  readonly answersWithinMs?: number | undefined;
  onAnswer(answer: Exclude<TestThreadAnswer, { pong: true }>): void;
  /** Called when it ends without having been told to, or must be ended: it may come more than once. */
  onFailure(error: Error): void;
}

/** A worker thread that runs `test-thread.ts`. */
export interface TestThread {
  order(order: TestThreadOrder): void;
  /** Ends it, whatever it does. */
  end(): Promise<unknown>;
}

/**
 * V8's own limit is only the last resort, far above `maxMemory`. It is unsafe in a thread: Node leaves V8 16 MB to come to
 * an end, and when one allocation needs more (a growing Map, a split text) V8 aborts the whole process. So the memory is
 * looked at from outside, which works while the thread is busy too, and costs 0.1 ms.
 */
const lastResort = { maxOldGenerationSizeMb: 2048 };
const lookEveryMs = 100;

export function startTestThread(options: TestThreadOptions): TestThread {
  const { egress, gathers, cacheDir, log, maxMemory, answersWithinMs, onAnswer, onFailure } = options;
  const worker = new Worker(new URL("./test-thread.ts", import.meta.url), {
    workerData: { egress, gathers } satisfies TestThreadData,
    // Nothing of our environment: libraries such as pg would read their own variables in it.
    env: cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir },
    argv: [],
    stdout: true,
    stderr: true,
    resourceLimits: lastResort,
  });
  let ended = false;
  const look = async () => {
    const memory = await worker.getHeapStatistics().catch(() => undefined);
    if (ended) return;
    const used = memory === undefined ? 0 : memory.used_heap_size + memory.external_memory;
    if (used > maxMemory) return onFailure(new Error("it used too much memory"));
    timer = setTimeout(() => void look(), lookEveryMs);
  };
  let timer = setTimeout(() => void look(), lookEveryMs);

  const watch =
    answersWithinMs === undefined
      ? undefined
      : watchAnswers(
          { ask: () => worker.postMessage({ ping: true } satisfies TestThreadOrder), usedMs: () => usedMs(worker) },
          answersWithinMs,
          () => onFailure(new Error("it has not answered for too long")),
        );
  const hear = (answer: TestThreadAnswer) => {
    if ("pong" in answer) return watch?.answered();
    if ("ready" in answer) watch?.begin();
    onAnswer(answer);
  };
  worker.on("message", (answers: readonly TestThreadAnswer[]) => answers.forEach(hear));
  worker.on("error", (error) => onFailure(new Error(describeDefect(error))));
  worker.on("exit", (code) => {
    if (!ended) onFailure(new Error(`it ended with ${code}`));
  });
  // Not what: libraries print what the other side has sent, and that may be a secret which it was sent.
  for (const stream of [worker.stdout, worker.stderr])
    stream.on("data", (text) => log.debug({ length: text.length }, "a connector test printed something"));
  return {
    order: (order) => worker.postMessage(order),
    end: () => {
      ended = true;
      clearTimeout(timer);
      watch?.end();
      return worker.terminate();
    },
  };
}

/** Nothing of a thread that has ended. */
async function usedMs(worker: Worker): Promise<number> {
  const usage = await worker.cpuUsage().catch(() => ({ user: 0, system: 0 }));
  return (usage.user + usage.system) / 1000;
}
