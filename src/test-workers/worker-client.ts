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

/** A test or a discovery for a thread. */
export interface TestTask {
  readonly connector: Connector;
  /** A valid configuration with its secrets. */
  readonly config: Message;
  /** What to discover; absent for a test. */
  readonly question?: DiscoveryRequest | undefined;
  /** The caller: when it aborts the promise rejects with the signal's reason, and the test's sockets are closed. */
  readonly signal: AbortSignal;
  /** The test's own end, in milliseconds, from now on: waiting for a thread is part of it. */
  readonly deadlineMs: number;
  /** How much longer it may take to answer before its thread is ended by force. */
  readonly terminationDelayMs?: number | undefined;
  /** Gets every step as it begins and as it ends. */
  onStep?(step: TestStep): void;
  /** Asked before the test dials a target: false means that it must not, and that the signal has aborted. Absent: it may. */
  acquireTarget?(target: string): boolean;
  /** Called each time that it begins to dial. */
  onDial?(): void;
  /** Called once, when nothing of it is left: its sockets are closed, or its thread has ended. */
  onEnd?(): void;
}

/**
 * The proxy of one worker thread: its pending tests and their timers. What a test meets can end the thread; it never
 * reaches the thread that started it.
 */
export interface WorkerClient {
  run(task: TestTask): Promise<DiscoveryOutcome>;
  /** Starts the thread, once; the tests that came before wait for it. Resolves when it has loaded, or has ended. */
  open(): Promise<void>;
  isIdle(): boolean;
  /** Ends it, and every test in it with UNAVAILABLE. */
  close(): void;
}

export interface WorkerClientOptions {
  readonly egress: EgressPolicyOptions;
  readonly cacheDir?: string | undefined;
  readonly log: Logger;
  /** How long a test that is cancelled may take to say that it has ended; and `terminationDelayMs` of tests that do not say. */
  readonly terminationDelayMs: number;
  /** How long the thread waits for another test. */
  readonly idleMs: number;
  readonly maxMemory: number;
  /** How much processor time the thread may spend while a question waits, in milliseconds; absent: any. */
  readonly respondsWithinMs?: number | undefined;
  /** What becomes of a test whose thread was ended by force; absent: an outcome that says so. */
  readonly outcomeOfTerminated?: ((test: TerminatedTest) => DiscoveryOutcome) | undefined;
  /** Called when the thread is ended by force. */
  onTerminated?(): void;
  /** Called once, when it takes no more tests, with the promise of its thread's end. */
  onEnd(ended: Promise<unknown>): void;
}

/** A test whose worker was terminated. */
export interface TerminatedTest extends TestTask {
  readonly endsAt: bigint;
  /** The steps that it has reported; one that ended in place of the same one that began. */
  readonly steps: readonly TestStep[];
}

interface Running extends TerminatedTest {
  steps: TestStep[];
  timer: NodeJS.Timeout;
  settle(outcome: () => DiscoveryOutcome): void;
}

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

  /** Ends the thread. Every test in it gets an outcome, at once: the thread itself may take a while to end. */
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
      // Before it has loaded it has connected to nothing: that is a defect of this service.
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
  const begin = (id: number, { connector, config, question, onStep, endsAt }: Running) =>
    thread?.send({
      run: {
        id,
        connectorId: connector.id,
        config: toBinary(connector.config, config),
        discovery: question,
        // Without a listener they are only for the outcome of a test that is ended by force.
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
        // What has not begun has opened nothing.
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
  if ("defect" in answer) throw new Error(`a connector test failed: ${answer.defect}`);
  if ("cancelled" in answer) throw new Error("a connector test was cancelled");
  const { error, message, report, page } = answer.outcome;
  const resources = page.resources.map((resource) => fromBinary(DiscoveredResourceSchema, resource));
  return { error, message, report: fromBinary(TestReportSchema, report), page: { ...page, resources } };
}
