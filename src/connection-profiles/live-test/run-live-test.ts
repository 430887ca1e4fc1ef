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

export interface LiveTestDeps {
  readonly takeTestSlots: AcquireTest;
  readonly waitForStart: StartRateLimiter;
  readonly runTest: WorkerPool["run"];
  readonly recordTestRun: RecordTestRun;
  readonly log: Logger;
  readonly telemetry?: Telemetry;
  /** How long a test may take, in milliseconds. */
  readonly deadlineMs?: number;
}

/** What to try, for whom, and why. */
export interface LiveTestRun {
  readonly caller: Actor;
  readonly testTarget: TestTarget;
  readonly kind: TestRun["kind"];
  /** The call that wants to know: the test ends with it. */
  readonly context: Pick<HandlerContext, "signal" | "timeoutMs">;
  /** What to discover; only of the kind `discovery`. */
  readonly question?: DiscoveryRequest;
  /** Gets every step as it begins and as it ends. */
  onStep?(step: TestStep): void;
}

/**
 * Runs a live test within the limits, and keeps what must be kept of its result. Throws ApiError TOO_MANY_TESTS when it was not
 * tried, or had to end because of a limit, and rejects with the signal's reason when the caller goes away. The page is empty after a test.
 */
export type RunLiveTest = (run: LiveTestRun) => Promise<DiscoveryOutcome>;

const defaultDeadlineMs = 10_000;

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
  return async ({ caller, testTarget, kind, context, question, onStep }) => {
    const { connector, config } = testTarget;
    const { organizationId } = caller;
    if (question === undefined && connector.test === undefined) return { ...unsupportedOutcome(), page: emptyPage };
    const { signal } = context;
    let dialed = false;
    const onDial = () => {
      dialed = true;
    };
    const task = { organizationId, connector, config, question, signal, onDial };
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
        // What did not come to its end may have dialled all the same, and so may what was refused at its second target.
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

/** Half of a caller's own time is for the test itself, at least. */
function maxWaitOf(left: number | undefined): number | undefined {
  return left === undefined ? undefined : left / 2;
}

/** The most that is kept of a caller's own time: for a thread that must be ended by force, and for the way back. */
const maxTerminationDelayMs = 500;
const reserveMs = 1.5 * maxTerminationDelayMs;

/**
 * A caller with a deadline of its own gets its report rather than DEADLINE_EXCEEDED, also from a test that must be ended by
 * force: of the last quarter of its time, but at most 750 ms, two thirds are for that, and one to record and to answer.
 */
function timesOf(deadlineMs: number, left: number | undefined): { deadlineMs: number; terminationDelayMs: number } {
  if (left === undefined) return { deadlineMs, terminationDelayMs: maxTerminationDelayMs };
  const reserve = Math.min(left / 4, reserveMs);
  return {
    deadlineMs: Math.max(1, Math.min(deadlineMs, left - reserve)),
    terminationDelayMs: Math.max(1, reserve / 1.5),
  };
}
