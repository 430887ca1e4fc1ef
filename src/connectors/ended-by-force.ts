import { create, fromBinary } from "@bufbuild/protobuf";
import {
  TestReportSchema,
  TestStage,
  TestStatus,
  type TestStep,
  TestStepSchema,
} from "../../gen/connectory/v1/test_report_pb.js";
import { type Connector, ProbeError } from "./connector.ts";
import { failedOutcome, type TestOutcome } from "./run-test.ts";

/** Why a test's thread was ended. */
export type ForcedEnd = "TEST_CRASHED" | "TIMED_OUT" | "NOT_BEGUN";

const unreadable = "what answered did not speak the protocol in a way that could be read";
const hints: Readonly<Record<ForcedEnd, string>> = {
  TEST_CRASHED: `${unreadable}, here or in another test of your organization at the same time: check the address, and try again`,
  TIMED_OUT: `${unreadable}, and the test had to be ended: check the address`,
  NOT_BEGUN: "this server was too busy to begin the test in time: try again",
};

/**
 * The outcome of a test whose thread was ended: what it had found (`progress`, a report as protobuf), with the steps that
 * it was in as failed. Nothing in it comes from the error that ended it.
 */
export function endedByForce(connector: Connector, progress: Uint8Array | undefined, code: ForcedEnd): TestOutcome {
  const report = progress === undefined ? create(TestReportSchema) : fromBinary(TestReportSchema, progress);
  const isRunning = ({ status }: TestStep) => status === TestStatus.UNSPECIFIED;
  if (!report.steps.some(isRunning)) report.steps.push(create(TestStepSchema, { stage: TestStage.CAPABILITY }));
  const hint = hints[code];
  for (const step of report.steps.filter(isRunning)) Object.assign(step, { status: TestStatus.FAILED, code, hint });
  return failedOutcome(connector, report, new ProbeError(code, hint));
}
