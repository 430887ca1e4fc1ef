import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type TestReport,
  TestReportSchema,
  TestStage,
  TestStatus,
  type TestStep,
  TestStepSchema,
} from "../../../gen/connectory/v1/test_report_pb.js";
import { withSignal } from "../../concurrency/with-signal.ts";
import { type Probe, ProbeError } from "../../connectors/sdk/connector.ts";
import { translateError } from "../../connectors/sdk/translate-error.ts";
import type { SecretScrubber } from "./secret-scrubber.ts";

/** The stages of a test in their order. After a failure, a stage without a step is reported as not executed. */
export const plannedStages: readonly TestStage[] = [
  TestStage.RESOLVE,
  TestStage.EGRESS,
  TestStage.CONNECT,
  TestStage.TLS,
  TestStage.AUTHENTICATE,
  TestStage.AUTHORIZE,
  TestStage.CAPABILITY,
];

/** The maximum length of facts and endpoint names, in UTF-16 code units: the remote system chooses them. */
const maxLength = 200;

/** The recorder of one test. */
export interface ProbeRecorder extends Pick<Probe, "step" | "skip" | "downgradeToWarning" | "fact"> {
  /** The report so far. */
  readonly report: TestReport;
  /** Adds stages as not executed. `endpoint` is empty by default. */
  notExecuted(stages: readonly TestStage[], code: string, endpoint?: string): void;
}

/**
 * Returns a recorder of the steps and facts of a test. A step ends at the latest when the signal aborts. `onStep` gets each
 * step when it begins (status RUNNING) and when it is added to the report; default: none. Facts and addresses from the remote
 * system are scrubbed of secrets; hints are fixed texts that hold nothing of it but error codes.
 */
export function createProbeRecorder(
  signal: AbortSignal,
  { scrub, reveals }: Pick<SecretScrubber, "scrub" | "reveals">,
  onStep: (step: TestStep) => void = () => {},
): ProbeRecorder {
  const report = create(TestReportSchema);
  const { steps, facts } = report;
  let begun = 0;
  const add = (step: TestStep) => {
    steps.push(step);
    onStep(step);
  };
  const begin = (step: MessageInitShape<typeof TestStepSchema>): TestStep => {
    begun += 1;
    const entry = create(TestStepSchema, { ...step, number: begun, status: TestStatus.RUNNING });
    onStep(entry);
    return entry;
  };
  // Secrets are scrubbed before the text is truncated, so that no part of a truncated secret remains.
  const show = (text: string) => printable(scrub(text));
  return {
    report,
    step: async (step, run) => {
      const { stage, field, warning, note = "", timeoutMs } = step;
      const endpoint = show(step.endpoint);
      const end = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const began = performance.now();
      const entry = begin({ stage, endpoint, field });
      // Added at its end: a step that fails because of a nested step comes after it.
      const finish = (outcome: Pick<TestStep, "status" | "code" | "hint">, ended = entry) => {
        Object.assign(ended, outcome, { duration: durationFromMs(Math.round(performance.now() - began)) });
        add(ended);
      };
      const works = warning === undefined ? passed : { ...warning, status: TestStatus.WARNING };
      try {
        signal.throwIfAborted();
        const value = await withSignal(run(), end);
        finish(works);
        return value;
      } catch (error) {
        const failure = end.aborted ? timedOut(field) : translateError(error, step, reveals);
        const hint = note === "" ? failure.hint : `${failure.hint}; ${note}`;
        const outcome = { status: TestStatus.FAILED, code: failure.code, hint, field: failure.field ?? field };
        const later = failure.stage !== undefined && failure.stage > stage ? failure.stage : undefined;
        if (later !== undefined) finish(works);
        finish(outcome, later === undefined ? entry : begin({ stage: later, endpoint }));
        throw failure;
      }
    },
    skip: (stage, name) => {
      const endpoint = show(name);
      add(create(TestStepSchema, { stage, endpoint, status: TestStatus.SKIPPED, code: "NOT_CONFIGURED" }));
    },
    downgradeToWarning: (name) => {
      const endpoint = show(name);
      for (const step of steps)
        if (step.endpoint === endpoint && step.status === TestStatus.FAILED) step.status = TestStatus.WARNING;
    },
    fact: (name, value) => {
      const cut = show(value);
      if (facts.some((fact) => fact.name === name && fact.value === cut)) return;
      facts.push({ $typeName: "connectory.v1.TestFact", name, value: cut });
    },
    notExecuted: (stages, code, endpoint = "") => {
      for (const step of stepsNotExecuted(stages, code, show(endpoint))) add(step);
    },
  };
}

const passed = { status: TestStatus.PASSED, code: "OK", hint: "" };

/** Returns a step with status NOT_EXECUTED for each stage. `endpoint` is empty by default. */
export function stepsNotExecuted(stages: readonly TestStage[], code: string, endpoint = ""): TestStep[] {
  return stages.map((stage) => create(TestStepSchema, { stage, status: TestStatus.NOT_EXECUTED, code, endpoint }));
}

/**
 * Returns a text of the remote system for display: truncated to `length` UTF-16 code units (default: 200), control characters
 * replaced by blanks.
 */
export function printable(text: string, length = maxLength): string {
  // Truncated first: the half of a surrogate pair that remains counts as unprintable.
  return text.slice(0, length).replace(/[^\P{C}]/gu, " ");
}

function timedOut(field: string): ProbeError {
  return new ProbeError("TIMED_OUT", "no answer in time: check host and port, and the firewalls in between", field);
}
