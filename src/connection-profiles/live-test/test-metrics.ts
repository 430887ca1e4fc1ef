import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ATTR_ERROR_TYPE } from "@opentelemetry/semantic-conventions";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { TestStage, TestStatus, type TestStep } from "../../../gen/connectory/v1/test_report_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { inSpan } from "../../telemetry/in-span.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { TestOutcome } from "../../test-workers/probe/run-probe.ts";
import type { TestRun } from "../test-run.ts";

/** Called for each step when it begins and when it ends. */
type OnStep = (step: TestStep) => void;

/** A measured test. */
export interface MeasuredTest {
  readonly caller: Actor;
  readonly connector: string;
  readonly kind: TestRun["kind"];
  /** Default: none. */
  readonly onStep?: OnStep | undefined;
}

/** Runs a test, counted, timed and as a span of its call; each of its steps is a child span. */
export type MeasureTests = <T extends TestOutcome>(
  of: MeasuredTest,
  run: (onStep: OnStep | undefined) => Promise<T>,
) => Promise<T>;

/** Buckets of the histogram, in seconds. */
const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];

/**
 * Returns the metrics and spans of live tests. Labels and spans have the connector but no target: addresses are confidential to
 * their organization.
 */
export function measureTests({ tracer, meter }: Telemetry): MeasureTests {
  const running = new Map<string, number>();
  const duration = meter.createHistogram("connectory.test.duration", {
    unit: "s",
    description: "How long live tests and discoveries took",
    advice: { explicitBucketBoundaries: buckets },
  });
  meter
    .createObservableUpDownCounter("connectory.test.running", {
      unit: "{test}",
      description: "Live tests and discoveries that run now",
    })
    .addCallback((result) => {
      for (const [connector, count] of running) result.observe(count, { "connectory.connector": connector });
    });
  const count = (connector: string, by: number) => running.set(connector, (running.get(connector) ?? 0) + by);

  return async ({ caller, connector, kind, onStep }, run) => {
    const labels = { "connectory.connector": connector, "connectory.test.kind": kind };
    const began = performance.now();
    const over = (ended: Attributes) => duration.record((performance.now() - began) / 1000, { ...labels, ...ended });
    count(connector, 1);
    const span = { name: `${kind} ${connector}`, kind: SpanKind.INTERNAL, attributes: labels };
    return inSpan(tracer, span, [caller], async (parent) => {
      const steps = parent === undefined ? undefined : followSteps(parent);
      try {
        const outcome = await run(steps === undefined ? onStep : both(steps.onStep, onStep));
        const ended = describe(outcome);
        over(ended);
        parent?.setAttributes(ended);
        return outcome;
      } catch (error) {
        const refused = error instanceof ApiError && error.reason === ErrorReason.TOO_MANY_TESTS;
        over({ "connectory.test.outcome": refused ? "refused" : "cut short" });
        throw error;
      } finally {
        count(connector, -1);
        steps?.end();
      }
    });

    /** The span of a step lasts from its begin to its end, or to the end of the test. */
    function followSteps(parent: Span): { onStep: OnStep; end: () => void } {
      const open = new Map<number, Span>();
      const within = trace.setSpan(ROOT_CONTEXT, parent);
      return {
        onStep: ({ number, stage, status, code }) => {
          if (status === TestStatus.RUNNING) {
            const child = tracer?.startSpan(TestStage[stage], { attributes: labels }, within);
            open.get(number)?.end(); // of a terminated worker: the test starts again in another one
            if (child !== undefined) open.set(number, child);
            return;
          }
          const child = open.get(number);
          open.delete(number);
          child?.setAttributes({ "connectory.test.status": TestStatus[status], "connectory.test.code": code });
          if (status === TestStatus.FAILED) child?.setAttribute(ATTR_ERROR_TYPE, code);
          if (status === TestStatus.FAILED) child?.setStatus({ code: SpanStatusCode.ERROR });
          child?.end();
        },
        end: () => {
          for (const child of open.values()) child.end();
        },
      };
    }
  };
}

function both(one: OnStep, other: OnStep | undefined): OnStep {
  return (step) => {
    one(step);
    other?.(step);
  };
}

/** The attributes of an outcome. The stage of a failure shows its likely cause: many failures at RESOLVE are this machine's. */
function describe({ error, report }: TestOutcome): Attributes {
  const failed = report.steps.find((step) => step.status === TestStatus.FAILED);
  if (!error) return { "connectory.test.outcome": "passed" };
  return {
    "connectory.test.outcome": "failed",
    ...(failed === undefined ? {} : { "connectory.test.stage": TestStage[failed.stage] }),
  };
}
