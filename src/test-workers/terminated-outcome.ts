import { create } from "@bufbuild/protobuf";
import {
  TestReportSchema,
  TestStage,
  TestStatus,
  type TestStep,
  TestStepSchema,
} from "../../gen/connectory/v1/test_report_pb.js";
import { type Connector, ProbeError } from "../connectors/sdk/connector.ts";
import { failedOutcome, type TestOutcome } from "./probe/run-probe.ts";

/** The reason for the termination of a test's worker. */
export type TerminationCause = "TEST_CRASHED" | "TIMED_OUT";

const unreadable = "what answered did not speak the protocol in a way that could be read";
const hints: Readonly<Record<TerminationCause, string>> = {
  TEST_CRASHED: `${unreadable}, here or in another test of your organization at the same time: check the address, and try again`,
  TIMED_OUT: `${unreadable}, and the test had to be ended: check the address`,
};

/**
 * Returns the outcome of a test whose worker was terminated: its reported steps, with the running ones as failed. No part of it
 * comes from the error of the worker.
 */
export function terminatedOutcome(
  connector: Connector,
  steps: readonly TestStep[],
  code: TerminationCause,
): TestOutcome {
  const isRunning = ({ status }: TestStep) => status === TestStatus.RUNNING;
  const running = steps.filter(isRunning);
  const known = running.length > 0 || steps.some(({ status }) => status === TestStatus.FAILED);
  const interrupted = known ? running : [create(TestStepSchema, { stage: TestStage.CAPABILITY })];
  const hint = hints[code];
  const failed = interrupted.map((step) => ({ ...step, status: TestStatus.FAILED, code, hint }));
  const all = [...steps.filter((step) => !isRunning(step)), ...failed];
  return failedOutcome(connector, create(TestReportSchema, { steps: all }), new ProbeError(code, hint));
}
