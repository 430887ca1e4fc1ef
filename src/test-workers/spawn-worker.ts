import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import { describeUnexpectedError } from "./describe-unexpected-error.ts";
import { startWatchdog } from "./watchdog.ts";
import type { WorkerData, WorkerRequest, WorkerResponse } from "./worker-protocol.ts";

/** The options of `spawnWorker`. */
export interface WorkerOptions extends WorkerData {
  /**
   * The folder of the compile cache. Its content is executed, so only this service may have write access. Default: no cache.
   */
  readonly cacheDir?: string | undefined;
  /** The logger; its fields include the organization, which identifies a hostile target. */
  readonly log: Logger;
  /** The maximum of heap and buffers together, in bytes. */
  readonly maxMemory: number;
  /** The maximum processor time until the response to a ping, in milliseconds, from the end of loading. Default: no limit. */
  readonly respondsWithinMs?: number | undefined;
  /** Called with each response of the worker. */
  onAnswer(answer: Exclude<WorkerResponse, { pong: true }>): void;
  /** Called when the worker ends on its own, or must be terminated; possibly more than once. */
  onFailure(error: Error): void;
}

/** A worker thread that runs `worker-main.ts`. */
export interface WorkerHandle {
  /** Sends a request. */
  send(order: WorkerRequest): void;
  /** Terminates the worker, whatever it executes. */
  end(): Promise<unknown>;
}

/**
 * The heap limit of V8, in MB, is far above `maxMemory`. It is unsafe in a thread: Node gives V8 16 MB to terminate, and when
 * one allocation needs more (a growing Map, a split text) V8 aborts the whole process. The memory is therefore checked from the
 * main thread, which works while the worker is busy and costs 0.1 ms.
 */
const lastResort = { maxOldGenerationSizeMb: 2048 };
/** The interval between two checks of the heap, in milliseconds. */
const heapCheckMs = 100;

/** Starts a worker and returns its handle. Calls `onFailure` when the worker ends, exceeds `maxMemory` or does not respond. */
export function spawnWorker(options: WorkerOptions): WorkerHandle {
  const { egress, batchResponses, cacheDir, log, maxMemory, respondsWithinMs, onAnswer, onFailure } = options;
  const worker = new Worker(new URL("./worker-main.ts", import.meta.url), {
    workerData: { egress, batchResponses } satisfies WorkerData,
    // The worker gets no environment variables: libraries such as pg would read theirs.
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
  // Only the length is logged: libraries print data of the remote system, which may repeat a secret that it received.
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

/** Returns the processor time of a worker, in milliseconds; 0 after its end. */
async function usedMs(worker: Worker): Promise<number> {
  const usage = await worker.cpuUsage().catch(() => ({ user: 0, system: 0 }));
  return (usage.user + usage.system) / 1000;
}
