import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type TestReport,
  TestReportSchema,
  TestStage,
  TestStatus,
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

/** Longer facts are cut: the other side chooses their length. */
const maxFactLength = 200;

export interface Recorder extends Pick<Probe, "step" | "skip" | "forgive" | "fact"> {
  readonly report: TestReport;
  /** Adds the given stages as not executed, at the given endpoint or at none. */
  notExecuted(stages: readonly TestStage[], code: string, endpoint?: string): void;
}

/** Keeps what a test does and finds. A step ends with the signal at the latest. */
export function createRecorder(signal: AbortSignal): Recorder {
  const report = create(TestReportSchema);
  const { steps, facts } = report;
  return {
    report,
    step: async (step, run) => {
      const { stage, endpoint, field, warning, note = "", patienceMs } = step;
      const end = patienceMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
      const entry = create(TestStepSchema, { stage, endpoint, field });
      const began = performance.now();
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
        steps.push(entry);
        entry.duration = durationFromMs(Math.round(performance.now() - began));
      }
    },
    skip: (stage, endpoint) => {
      steps.push(create(TestStepSchema, { stage, endpoint, status: TestStatus.SKIPPED, code: "NOT_CONFIGURED" }));
    },
    forgive: (endpoint) => {
      for (const step of steps)
        if (step.endpoint === endpoint && step.status === TestStatus.FAILED) step.status = TestStatus.WARNING;
    },
    fact: (name, value) => {
      const printable = value.replace(/[^\P{C}]/gu, " ").slice(0, maxFactLength);
      if (facts.some((fact) => fact.name === name && fact.value === printable)) return;
      facts.push({ $typeName: "connectory.v1.TestFact", name, value: printable });
    },
    notExecuted: (stages, code, endpoint = "") => {
      for (const stage of stages)
        steps.push(create(TestStepSchema, { stage, status: TestStatus.NOT_EXECUTED, code, endpoint }));
    },
  };
}

function timedOut(field: string): ProbeError {
  return new ProbeError("TIMED_OUT", "no answer in time: check host and port, and the firewalls in between", field);
}
