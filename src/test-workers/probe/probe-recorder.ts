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

/** The stages of a test in their order; one without a step when a test fails was not executed. */
export const plannedStages: readonly TestStage[] = [
  TestStage.RESOLVE,
  TestStage.EGRESS,
  TestStage.CONNECT,
  TestStage.TLS,
  TestStage.AUTHENTICATE,
  TestStage.AUTHORIZE,
  TestStage.CAPABILITY,
];

/** Longer facts and names of endpoints are cut: the other side chooses their length. */
const maxLength = 200;

export interface ProbeRecorder extends Pick<Probe, "step" | "skip" | "downgradeToWarning" | "fact"> {
  readonly report: TestReport;
  /** Adds the given stages as not executed, at the given endpoint or at none. */
  notExecuted(stages: readonly TestStage[], code: string, endpoint?: string): void;
}

/**
 * Keeps what a test does and finds. A step ends with the signal at the latest. `onStep` gets every step as it begins
 * (status RUNNING) and as it is when it is added to the report. What the other side chose is told without the secrets that it
 * was sent: facts and addresses; hints are words of ours, with nothing of it but the codes of errors.
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
  // Concealed first: of a secret that the cut goes through nothing is left to see either.
  const show = (text: string) => printable(scrub(text));
  return {
    report,
    step: async (step, run) => {
      const { stage, field, warning, note = "", timeoutMs } = step;
      const endpoint = show(step.endpoint);
      const end = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const began = performance.now();
      const entry = begin({ stage, endpoint, field });
      // Not before its end: a step that fails because of one inside of it comes after that one.
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

/** A step for each of the stages, as not executed. */
export function stepsNotExecuted(stages: readonly TestStage[], code: string, endpoint = ""): TestStep[] {
  return stages.map((stage) => create(TestStepSchema, { stage, status: TestStatus.NOT_EXECUTED, code, endpoint }));
}

/** What the other side chose, fit to be shown: control characters become blanks, and it is cut. */
export function printable(text: string, length = maxLength): string {
  // Cut first: half of a character that the cut leaves counts as one that cannot be shown.
  return text.slice(0, length).replace(/[^\P{C}]/gu, " ");
}

function timedOut(field: string): ProbeError {
  return new ProbeError("TIMED_OUT", "no answer in time: check host and port, and the firewalls in between", field);
}
