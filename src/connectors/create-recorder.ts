import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type TestReport,
  TestReportSchema,
  TestStage,
  TestStatus,
  type TestStep,
  TestStepSchema,
} from "../../gen/connectory/v1/test_report_pb.js";
import { untilAborted } from "../egress/until-aborted.ts";
import { type Probe, ProbeError } from "./connector.ts";
import { translateError } from "./translate-error.ts";

/** The stages of a test in their order; one without a step when a test fails was not executed. */
export const plannedStages: readonly TestStage[] = [
  TestStage.RESOLVE,
  TestStage.EGRESS,
  TestStage.CONNECT,
  TestStage.TLS,
  TestStage.AUTHENTICATE,
  TestStage.CAPABILITY,
];

/** Longer facts and names of endpoints are cut: the other side chooses their length. */
const maxLength = 200;

export interface Recorder extends Pick<Probe, "step" | "skip" | "forgive" | "fact"> {
  readonly report: TestReport;
  /** Adds the given stages as not executed, at the given endpoint or at none. */
  notExecuted(stages: readonly TestStage[], code: string, endpoint?: string): void;
}

/**
 * Keeps what a test does and finds. A step ends with the signal at the latest. `onBegin` gets the report whenever a step
 * begins, with what runs at the end of its steps: their status is not specified yet.
 */
export function createRecorder(signal: AbortSignal, onBegin?: (report: TestReport) => void): Recorder {
  const report = create(TestReportSchema);
  const { steps, facts } = report;
  const running = new Set<TestStep>();
  return {
    report,
    step: async (step, run) => {
      const { stage, field, warning, note = "", patienceMs } = step;
      const endpoint = printable(step.endpoint);
      const end = patienceMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
      const entry = create(TestStepSchema, { stage, endpoint, field });
      const began = performance.now();
      running.add(entry);
      onBegin?.({ ...report, steps: [...steps, ...running] });
      try {
        signal.throwIfAborted();
        const value = await untilAborted(run(), end);
        entry.status = warning === undefined ? TestStatus.PASSED : TestStatus.WARNING;
        entry.code = warning?.code ?? "OK";
        entry.hint = warning?.hint ?? "";
        return value;
      } catch (error) {
        const failure = end.aborted ? timedOut(field) : translateError(error, step);
        entry.status = TestStatus.FAILED;
        entry.code = failure.code;
        entry.hint = note === "" ? failure.hint : `${failure.hint}; ${note}`;
        entry.field = failure.field ?? field;
        throw failure;
      } finally {
        // Not before its end: a step that fails because of one inside of it comes after that one.
        running.delete(entry);
        steps.push(entry);
        entry.duration = durationFromMs(Math.round(performance.now() - began));
      }
    },
    skip: (stage, name) => {
      const endpoint = printable(name);
      steps.push(create(TestStepSchema, { stage, endpoint, status: TestStatus.SKIPPED, code: "NOT_CONFIGURED" }));
    },
    forgive: (name) => {
      const endpoint = printable(name);
      for (const step of steps)
        if (step.endpoint === endpoint && step.status === TestStatus.FAILED) step.status = TestStatus.WARNING;
    },
    fact: (name, value) => {
      const cut = printable(value);
      if (facts.some((fact) => fact.name === name && fact.value === cut)) return;
      facts.push({ $typeName: "connectory.v1.TestFact", name, value: cut });
    },
    notExecuted: (stages, code, endpoint = "") => addNotExecuted(report, stages, code, printable(endpoint)),
  };
}

/** Adds the given stages as not executed. */
export function addNotExecuted(report: TestReport, stages: readonly TestStage[], code: string, endpoint = ""): void {
  for (const stage of stages)
    report.steps.push(create(TestStepSchema, { stage, status: TestStatus.NOT_EXECUTED, code, endpoint }));
}

/** What the other side chose, fit to be shown: control characters become blanks, and it is cut. */
function printable(text: string): string {
  // Cut first: half of a character that the cut leaves counts as one that cannot be shown.
  return text.slice(0, maxLength).replace(/[^\P{C}]/gu, " ");
}

function timedOut(field: string): ProbeError {
  return new ProbeError("TIMED_OUT", "no answer in time: check host and port, and the firewalls in between", field);
}
