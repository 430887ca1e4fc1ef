import { Worker } from "node:worker_threads";
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import { Failure } from "../failure.ts";
import type { Connector } from "./connector.ts";
import { endedByForce, type ForcedEnd } from "./ended-by-force.ts";
import type { TestOutcome } from "./run-test.ts";
import type { TestThreadAnswer, TestThreadOrder } from "./test-thread.ts";

/** A test for a thread. */
export interface ThreadTest {
  readonly connector: Connector;
  /** A valid configuration with its secrets. */
  readonly config: Message;
  /** The caller: when it aborts the promise rejects with the signal's reason, and the test's sockets are closed. */
  readonly signal: AbortSignal;
  /** The test's own end, in milliseconds. */
  readonly deadlineMs: number;
}

/** A thread that runs tests. What they meet can end it; it never reaches the thread that started it. */
export interface TestThread {
  run(test: ThreadTest): Promise<TestOutcome>;
  isIdle(): boolean;
  /** Ends it, and every test in it with UNAVAILABLE. */
  close(): void;
}

export interface TestThreadOptions {
  readonly egress: EgressPolicyOptions;
  /** With its organization, by which a hostile target can be found. */
  readonly log: Logger;
  /** How much longer than its deadline a test may take to answer, or to confirm that it is cancelled. */
  readonly graceMs: number;
  /** How long the thread waits for another test. */
  readonly idleMs: number;
  /** Heap and buffers together, in bytes. */
  readonly maxMemory: number;
  /** Called once, when it takes no more tests, with the promise of its end. */
  onEnd(ended: Promise<unknown>): void;
}

interface Running {
  readonly connector: Connector;
  readonly endsAt: bigint;
  progress?: Uint8Array;
  timer: NodeJS.Timeout;
  settle(outcome: () => TestOutcome): void;
}

/**
 * V8's own limit is only the last resort, far above `maxMemory`. It is unsafe in a thread: Node leaves V8 16 MB to come to
 * an end, and when one allocation needs more (a growing Map, a split text) V8 aborts the whole process. So the memory is
 * looked at from outside, which works while the thread is busy too, and costs 0.1 ms.
 */
const lastResort = { maxOldGenerationSizeMb: 2048 };
const lookEveryMs = 100;

export function startTestThread({ egress, log, graceMs, idleMs, maxMemory, onEnd }: TestThreadOptions): TestThread {
  // An empty environment: libraries such as pg would read their own variables in ours.
  const worker = new Worker(new URL("./test-thread.ts", import.meta.url), {
    workerData: egress,
    env: {},
    argv: [],
    stdout: true,
    stderr: true,
    resourceLimits: lastResort,
  });
  const tests = new Map<number, Running>();
  let lastId = 0;
  let ready = false;
  let stopped = false;
  let idle: NodeJS.Timeout | undefined;

  const order = (message: TestThreadOrder) => worker.postMessage(message);

  /** Ends the thread. Every test in it gets an outcome, at once: the thread itself may take a while to end. */
  const stop = (outcomeOf: (test: Running) => TestOutcome) => {
    if (stopped) return;
    stopped = true;
    clearTimeout(idle);
    clearTimeout(look);
    onEnd(worker.terminate());
    for (const [id, test] of tests) finish(id, () => outcomeOf(test));
  };
  const kill = (err: Error) => {
    if (stopped) return;
    log.warn({ err, tests: tests.size }, "a thread of connector tests was ended by force");
    stop((test) => {
      // Before any test began it is our own defect, and an answer of its own.
      if (!ready && process.hrtime.bigint() < test.endsAt) throw err;
      return endedByForce(test.connector, test.progress, reasonOf(test));
    });
  };
  const finish = (id: number, outcome: () => TestOutcome) => {
    const test = tests.get(id);
    if (test === undefined) return;
    tests.delete(id);
    clearTimeout(test.timer);
    test.settle(outcome);
    if (tests.size === 0 && !stopped) idle = setTimeout(() => stop(unavailable), idleMs);
  };
  const keep = ({ id, progress }: { readonly id: number; readonly progress: Uint8Array }) => {
    const test = tests.get(id);
    if (test !== undefined) test.progress = progress;
  };
  const lookAtMemory = async () => {
    const memory = await worker.getHeapStatistics().catch(() => undefined);
    if (stopped) return;
    const used = memory === undefined ? 0 : memory.used_heap_size + memory.external_memory;
    if (used > maxMemory) return kill(new Error("it used too much memory"));
    look = setTimeout(() => void lookAtMemory(), lookEveryMs);
  };
  let look = setTimeout(() => void lookAtMemory(), lookEveryMs);

  worker.on("message", (answer: TestThreadAnswer) => {
    if ("ready" in answer) ready = true;
    else if ("progress" in answer) keep(answer);
    else finish(answer.id, () => readAnswer(answer));
  });
  worker.on("error", (error) => kill(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", (code) => kill(new Error(`it ended with ${code}`)));
  for (const stream of [worker.stdout, worker.stderr])
    stream.on("data", (text) => log.debug({ text: String(text).slice(0, 1000) }, "a connector test printed something"));

  return {
    isIdle: () => tests.size === 0,
    close: () => stop(unavailable),
    run: ({ connector, config, signal, deadlineMs }) => {
      const { promise, resolve, reject } = Promise.withResolvers<TestOutcome>();
      const id = ++lastId;
      const endsAt = process.hrtime.bigint() + BigInt(Math.round(deadlineMs * 1e6));
      const giveUp = () => kill(new Error("a test did not answer in time"));
      const cancel = () => {
        reject(signal.reason);
        order({ cancel: id });
        // A thread that still loads has opened nothing; the test's own end is enough then.
        if (!ready) return;
        clearTimeout(test.timer);
        test.timer = setTimeout(giveUp, graceMs);
      };
      const test: Running = {
        connector,
        endsAt,
        timer: setTimeout(giveUp, deadlineMs + graceMs),
        settle: (outcome) => {
          signal.removeEventListener("abort", cancel);
          try {
            resolve(outcome());
          } catch (error) {
            reject(error);
          }
        },
      };
      clearTimeout(idle);
      tests.set(id, test);
      order({ run: { id, connectorId: connector.id, config: toBinary(connector.config, config), endsAt } });
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
      return promise;
    },
  };
}

function readAnswer(answer: Exclude<TestThreadAnswer, { ready: true } | { progress: Uint8Array }>): TestOutcome {
  if ("defect" in answer) throw new Error(`a connector test failed: ${answer.defect}`);
  if ("cancelled" in answer) throw new Error("a connector test was cancelled");
  return { ...answer.outcome, report: fromBinary(TestReportSchema, answer.outcome.report) };
}

function reasonOf({ endsAt, progress }: Running): ForcedEnd {
  if (process.hrtime.bigint() < endsAt) return "TEST_CRASHED";
  return progress === undefined ? "NOT_BEGUN" : "TIMED_OUT";
}

function unavailable(): never {
  throw new Failure(ErrorReason.STOPPING, "this server is stopping: call again", { retryAfterMs: 100 });
}
