import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { DiscoveredResourceSchema } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { TestReportSchema, type TestStep, TestStepSchema } from "../../gen/connectory/v1/test_report_pb.js";
import type { Connector, DiscoveryRequest } from "../connectors/sdk/connector.ts";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import { type DiscoveryOutcome, emptyPage } from "./probe/run-probe.ts";
import { spawnWorker, type WorkerHandle } from "./spawn-worker.ts";
import { terminatedOutcome } from "./terminated-outcome.ts";
import { busy, unavailable } from "./worker-errors.ts";
import type { WorkerResponse } from "./worker-protocol.ts";

/** A test or discovery to run in a worker. */
export interface TestTask {
  readonly connector: Connector;
  /** A valid configuration with its secrets. */
  readonly config: Message;
  /** The request of a discovery. Default: a test. */
  readonly discovery?: DiscoveryRequest | undefined;
  /** The caller's signal: when it aborts, the promise rejects with its reason, and the test's sockets are closed. */
  readonly signal: AbortSignal;
  /** The deadline of the test, in milliseconds from now; it includes the time until the worker has loaded. */
  readonly deadlineMs: number;
  /** The time from the deadline to the termination of the worker, in milliseconds. Default: that of the client. */
  readonly terminationDelayMs?: number | undefined;
  /** Called with every step when it begins and when it ends. */
  onStep?(step: TestStep): void;
  /** Called before each dial of a target. False: the target is not allowed, and the signal has aborted. Default: true. */
  acquireTarget?(target: string): boolean;
  /** Called before each dial. */
  onDial?(): void;
  /** Called once, after the test's sockets are closed or its worker has ended. */
  onEnd?(): void;
}

/** The proxy of one worker thread: its pending tests and their timers. A test can end the worker, never the main thread. */
export interface WorkerClient {
  /**
   * Runs a task. Rejects with the signal's reason, with TOO_MANY_TESTS when the worker did not load before the deadline, and
   * with STOPPING after `close`.
   */
  run(task: TestTask): Promise<DiscoveryOutcome>;
  /** Starts the worker, once; earlier tests wait for it. Resolves when the worker has loaded or ended. */
  open(): Promise<void>;
  /** Returns true when no test is pending. */
  isIdle(): boolean;
  /** Terminates the worker; its pending tests reject with STOPPING (UNAVAILABLE). */
  close(): void;
}

/** The options of `createWorkerClient`. */
export interface WorkerClientOptions {
  readonly egress: EgressPolicyOptions;
  /** The folder of the compile cache. Default: no cache. */
  readonly cacheDir?: string | undefined;
  readonly log: Logger;
  /**
   * The time, in milliseconds, in which a cancelled test must report its end; and the default of a test's `terminationDelayMs`.
   */
  readonly terminationDelayMs: number;
  /** The idle time before the worker ends, in milliseconds. */
  readonly idleMs: number;
  /** The maximum of heap and buffers together, in bytes. */
  readonly maxMemory: number;
  /** The maximum processor time until the response to a ping, in milliseconds. Default: no limit. */
  readonly respondsWithinMs?: number | undefined;
  /** The outcome of a test whose worker was terminated. Default: `terminatedOutcome`. */
  readonly outcomeOfTerminated?: ((test: TerminatedTest) => DiscoveryOutcome) | undefined;
  /** Called when the worker is terminated because of a fault. */
  onTerminated?(): void;
  /** Called once, when the client accepts no more tests, with the promise of the worker's end. */
  onEnd(ended: Promise<unknown>): void;
}

/** A test whose worker was terminated. */
export interface TerminatedTest extends TestTask {
  readonly endsAt: bigint;
  /** The reported steps; an ended step replaces its running form. */
  readonly steps: readonly TestStep[];
}

interface Running extends TerminatedTest {
  steps: TestStep[];
  timer: NodeJS.Timeout;
  settle(outcome: () => DiscoveryOutcome): void;
}

/** Returns a client without a running worker; `open` starts it. */
export function createWorkerClient({
  terminationDelayMs,
  idleMs,
  outcomeOfTerminated,
  onTerminated,
  onEnd,
  ...options
}: WorkerClientOptions): WorkerClient {
  const tests = new Map<number, Running>();
  const loaded = Promise.withResolvers<void>();
  let thread: WorkerHandle | undefined;
  let ready = false;
  let closed = false;
  let lastId = 0;
  let idle: NodeJS.Timeout | undefined;

  /** Terminates the worker. Each pending test settles at once, because the termination can take time. */
  const stop = (outcomeOf: (test: Running) => DiscoveryOutcome) => {
    if (closed) return;
    closed = true;
    clearTimeout(idle);
    const threadEnded = Promise.resolve(thread?.end());
    onEnd(threadEnded);
    loaded.resolve();
    for (const [id, test] of tests) finish(id, () => outcomeOf(test), threadEnded);
  };
  const terminate = (err: Error) => {
    if (closed) return;
    options.log.warn({ err, tests: tests.size }, "a worker of connector tests was terminated");
    onTerminated?.();
    stop((test) => {
      // A worker that has not loaded has connected nowhere, so the fault is in this service.
      if (!ready) throw err;
      return (outcomeOfTerminated ?? outcomeOfEnded)(test);
    });
  };
  const finish = (id: number, outcome: () => DiscoveryOutcome, threadEnded?: Promise<unknown>) => {
    const test = tests.get(id);
    if (test === undefined) return;
    tests.delete(id);
    clearTimeout(test.timer);
    test.settle(outcome);
    if (threadEnded === undefined) test.onEnd?.();
    else void threadEnded.finally(() => test.onEnd?.());
    if (tests.size === 0 && !closed) idle = setTimeout(() => stop(unavailable), idleMs);
  };
  const begin = (id: number, { connector, config, discovery, onStep, endsAt }: Running) =>
    thread?.send({
      run: {
        id,
        connectorId: connector.id,
        config: toBinary(connector.config, config),
        discovery,
        // Without a listener, steps are needed only for the outcome of a terminated test.
        reportSteps: onStep !== undefined || outcomeOfTerminated === undefined,
        endsAt,
      },
    });
  const acquire = (id: number, target: string) => {
    const test = tests.get(id);
    if (test === undefined || test.signal.aborted) return;
    if (test.acquireTarget?.(target) === false) return;
    test.onDial?.();
    thread?.send({ acquired: target, id });
  };
  const receive = (answer: Exclude<WorkerResponse, { pong: true }>) => {
    if ("ready" in answer) {
      ready = true;
      loaded.resolve();
      for (const [id, test] of tests) begin(id, test);
    } else if ("step" in answer) {
      const test = tests.get(answer.id);
      if (test !== undefined) recordStep(test, fromBinary(TestStepSchema, answer.step));
    } else if ("acquire" in answer) acquire(answer.id, answer.acquire);
    else finish(answer.id, () => readAnswer(answer));
  };

  return {
    isIdle: () => tests.size === 0,
    close: () => stop(unavailable),
    open: () => {
      thread ??= spawnWorker({
        ...options,
        batchResponses: outcomeOfTerminated !== undefined,
        onAnswer: receive,
        onFailure: terminate,
      });
      return loaded.promise;
    },
    run: (task) => {
      const { promise, resolve, reject } = Promise.withResolvers<DiscoveryOutcome>();
      const { signal, deadlineMs } = task;
      const id = ++lastId;
      const giveUpAfter = (ms: number) => setTimeout(() => terminate(new Error("a test did not answer in time")), ms);
      const cancel = () => {
        reject(signal.reason);
        // A test that has not begun has opened no socket.
        if (!ready) return finish(id, busy);
        thread?.send({ cancel: id });
        clearTimeout(test.timer);
        test.timer = giveUpAfter(terminationDelayMs);
      };
      const expire = () => {
        if (ready) test.timer = giveUpAfter(task.terminationDelayMs ?? terminationDelayMs);
        else finish(id, busy);
      };
      const test: Running = {
        ...task,
        endsAt: process.hrtime.bigint() + BigInt(Math.round(deadlineMs * 1e6)),
        steps: [],
        timer: setTimeout(expire, deadlineMs),
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
      if (ready) begin(id, test);
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
      return promise;
    },
  };
}

function recordStep(test: Running, step: TestStep): void {
  test.steps = [...test.steps.filter(({ number }) => number === 0 || number !== step.number), step];
  test.onStep?.(step);
}

function outcomeOfEnded({ connector, steps, endsAt }: TerminatedTest): DiscoveryOutcome {
  if (steps.length === 0) return busy();
  const code = process.hrtime.bigint() < endsAt ? "TEST_CRASHED" : "TIMED_OUT";
  return { ...terminatedOutcome(connector, steps, code), page: emptyPage };
}

function readAnswer(
  answer: Exclude<WorkerResponse, { ready: true } | { pong: true } | { step: Uint8Array } | { acquire: string }>,
): DiscoveryOutcome {
  if ("unexpectedError" in answer) throw new Error(`a connector test failed: ${answer.unexpectedError}`);
  if ("cancelled" in answer) throw new Error("a connector test was cancelled");
  const { error, message, report, page } = answer.outcome;
  const resources = page.resources.map((resource) => fromBinary(DiscoveredResourceSchema, resource));
  return { error, message, report: fromBinary(TestReportSchema, report), page: { ...page, resources } };
}
