import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import { describeUnexpectedError } from "./describe-unexpected-error.ts";
import { startWatchdog } from "./watchdog.ts";
import type { WorkerData, WorkerRequest, WorkerResponse } from "./worker-protocol.ts";

export interface WorkerOptions extends WorkerData {
  /** Where compiled code is kept for the next thread. Nobody else may be able to write there: what lies there is run. */
  readonly cacheDir?: string | undefined;
  /** With its organization, by which a hostile target can be found. */
  readonly log: Logger;
  /** Heap and buffers together, in bytes. */
  readonly maxMemory: number;
  /** How much processor time it may spend while a question waits once it has loaded, in milliseconds; absent: any. */
  readonly respondsWithinMs?: number | undefined;
  onAnswer(answer: Exclude<WorkerResponse, { pong: true }>): void;
  /** Called when it ends without having been told to, or must be ended: it may come more than once. */
  onFailure(error: Error): void;
}

/** A worker thread that runs `worker-main.ts`. */
export interface WorkerHandle {
  send(order: WorkerRequest): void;
  /** Ends it, whatever it does. */
  end(): Promise<unknown>;
}

/**
 * V8's own limit is only the last resort, far above `maxMemory`. It is unsafe in a thread: Node leaves V8 16 MB to come to
 * an end, and when one allocation needs more (a growing Map, a split text) V8 aborts the whole process. So the memory is
 * looked at from outside, which works while the thread is busy too, and costs 0.1 ms.
 */
const lastResort = { maxOldGenerationSizeMb: 2048 };
const heapCheckMs = 100;

export function spawnWorker(options: WorkerOptions): WorkerHandle {
  const { egress, batchResponses, cacheDir, log, maxMemory, respondsWithinMs, onAnswer, onFailure } = options;
  const worker = new Worker(new URL("./worker-main.ts", import.meta.url), {
    workerData: { egress, batchResponses } satisfies WorkerData,
    // Nothing of our environment: libraries such as pg would read their own variables in it.
    env: cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir },
    argv: [],
    stdout: true,
    stderr: true,
    resourceLimits: lastResort,
  });
  let ended = false;
  const checkHeap = async () => {
    const memory = await worker.getHeapStatistics().catch(() => undefined);
    if (ended) return;
    const used = memory === undefined ? 0 : memory.used_heap_size + memory.external_memory;
    if (used > maxMemory) return onFailure(new Error("it used too much memory"));
    timer = setTimeout(() => void checkHeap(), heapCheckMs);
  };
  let timer = setTimeout(() => void checkHeap(), heapCheckMs);

  const watchdog =
    respondsWithinMs === undefined
      ? undefined
      : startWatchdog(
          { ping: () => worker.postMessage({ ping: true } satisfies WorkerRequest), usedMs: () => usedMs(worker) },
          respondsWithinMs,
          () => onFailure(new Error("it has not answered for too long")),
        );
  const receive = (answer: WorkerResponse) => {
    if ("pong" in answer) return watchdog?.onPong();
    if ("ready" in answer) watchdog?.begin();
    onAnswer(answer);
  };
  worker.on("message", (answers: readonly WorkerResponse[]) => answers.forEach(receive));
  worker.on("error", (error) => onFailure(new Error(describeUnexpectedError(error))));
  worker.on("exit", (code) => {
    if (!ended) onFailure(new Error(`it ended with ${code}`));
  });
  // Not what: libraries print what the other side has sent, and that may be a secret which it was sent.
  for (const stream of [worker.stdout, worker.stderr])
    stream.on("data", (text) => log.debug({ length: text.length }, "a connector test printed something"));
  return {
    send: (order) => worker.postMessage(order),
    end: () => {
      ended = true;
      clearTimeout(timer);
      watchdog?.end();
      return worker.terminate();
    },
  };
}

/** Nothing of a thread that has ended. */
async function usedMs(worker: Worker): Promise<number> {
  const usage = await worker.cpuUsage().catch(() => ({ user: 0, system: 0 }));
  return (usage.user + usage.system) / 1000;
}
