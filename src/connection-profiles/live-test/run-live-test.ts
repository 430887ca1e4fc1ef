import type { HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { TestStep } from "../../../gen/connectory/v1/test_report_pb.js";
import type { StartRateLimiter } from "../../concurrency/start-rate-limiter.ts";
import type { DiscoveryRequest } from "../../connectors/sdk/connector.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { silent, type Telemetry } from "../../telemetry/telemetry.ts";
import { type DiscoveryOutcome, emptyPage, unsupportedOutcome } from "../../test-workers/probe/run-probe.ts";
import type { WorkerPool } from "../../test-workers/worker-pool.ts";
import type { RecordTestRun, TestRun, TestTarget } from "../test-run.ts";
import type { AcquireTest } from "./limit-tests.ts";
import { measureTests } from "./test-metrics.ts";

/** Dependencies of the live test runner, and its time limit. */
export interface LiveTestDeps {
  readonly takeTestSlots: AcquireTest;
  readonly waitForStart: StartRateLimiter;
  readonly runTest: WorkerPool["run"];
  readonly recordTestRun: RecordTestRun;
  readonly log: Logger;
  /** Default: none. */
  readonly telemetry?: Telemetry;
  /** The time limit of a test, in milliseconds. Default: 10 000. */
  readonly deadlineMs?: number;
}

/** A live test: its target, caller and purpose. */
export interface LiveTestRun {
  readonly caller: Actor;
  readonly testTarget: TestTarget;
  readonly kind: TestRun["kind"];
  /** The call that asked for the test; the test ends with it. */
  readonly context: Pick<HandlerContext, "signal" | "timeoutMs">;
  /** The discovery to run; set only for the kind `discovery`. Default: none. */
  readonly discovery?: DiscoveryRequest;
  /** Called for each step when it begins and when it ends. Default: none. */
  onStep?(step: TestStep): void;
}

/**
 * Runs a live test within the limits and records its result. The page is empty after a test. Throws ApiError TOO_MANY_TESTS
 * when a limit prevented or ended it, and rejects with the signal's reason when the caller cancels.
 */
export type RunLiveTest = (run: LiveTestRun) => Promise<DiscoveryOutcome>;

const defaultDeadlineMs = 10_000;

/** Returns the runner of live tests and discoveries. */
export function createLiveTestRunner(deps: LiveTestDeps): RunLiveTest {
  const {
    takeTestSlots,
    waitForStart,
    runTest,
    recordTestRun,
    log,
    telemetry = silent,
    deadlineMs = defaultDeadlineMs,
  } = deps;
  const observed = measureTests(telemetry);
  return async ({ caller, testTarget, kind, context, discovery, onStep }) => {
    const { connector, config } = testTarget;
    const { organizationId } = caller;
    if (discovery === undefined && connector.test === undefined) return { ...unsupportedOutcome(), page: emptyPage };
    const { signal } = context;
    let dialed = false;
    const onDial = () => {
      dialed = true;
    };
    const task = { organizationId, connector, config, discovery, signal, onDial };
    const run = async (stepped: LiveTestRun["onStep"]) => {
      const giveBack = takeTestSlots(organizationId, connector.endpoints(config));
      const begin = () => {
        const timed = { ...task, ...timesOf(deadlineMs, context.timeoutMs()) };
        return runTest(stepped === undefined ? timed : { ...timed, onStep: stepped });
      };
      return waitForStart({ signal, withinMs: maxWaitOf(context.timeoutMs()) }, begin).finally(giveBack);
    };
    const outcome = await observed({ caller, connector: connector.id, kind, onStep }, run).catch(
      async (error: unknown) => {
        // An incomplete test, also one refused at its second target, may have dialed and is recorded.
        if (dialed || !wasRefused(error))
          await recordTestRun(caller, testTarget, { kind, outcome: undefined }).catch((err: unknown) =>
            log.error({ err, requestId: caller.requestId }, "a test that was cut short is not in the event log"),
          );
        throw error;
      },
    );
    await recordTestRun(caller, testTarget, { kind, outcome });
    return outcome;
  };
}

function wasRefused(error: unknown): boolean {
  return error instanceof ApiError && error.reason === ErrorReason.TOO_MANY_TESTS;
}

/** At most half of the caller's remaining time is spent waiting for the start; the rest is for the test. */
function maxWaitOf(left: number | undefined): number | undefined {
  return left === undefined ? undefined : left / 2;
}

/**
 * The most time, in milliseconds, that is reserved of the caller's deadline: for terminating a worker thread, and for the
 * response.
 */
const maxTerminationDelayMs = 500;
const reserveMs = 1.5 * maxTerminationDelayMs;

/**
 * A caller with a deadline gets a report rather than DEADLINE_EXCEEDED, also from a test whose worker must be terminated: the
 * last quarter of its time, at most 750 ms, is reserved, two thirds for the termination and one for recording and responding.
 */
function timesOf(deadlineMs: number, left: number | undefined): { deadlineMs: number; terminationDelayMs: number } {
  if (left === undefined) return { deadlineMs, terminationDelayMs: maxTerminationDelayMs };
  const reserve = Math.min(left / 4, reserveMs);
  return {
    deadlineMs: Math.max(1, Math.min(deadlineMs, left - reserve)),
    terminationDelayMs: Math.max(1, reserve / 1.5),
  };
}
