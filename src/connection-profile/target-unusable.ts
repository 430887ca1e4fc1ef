import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type TestReport, TestReportSchema, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import type { TestOutcome } from "../connectors/run-test.ts";
import { Failure } from "../failure.ts";

/** FAILED_PRECONDITION with the report of a test that failed. */
export function targetUnusable({ message, report }: TestOutcome): Failure {
  return new Failure(ErrorReason.TARGET_UNUSABLE, message, { report: shortened(report) });
}

/** An error travels in headers, of which some clients take 8 KB: of a long report what is not right goes before the rest. */
const maxSteps = 16;

function shortened({ steps }: TestReport): TestReport {
  if (steps.length <= maxSteps) return create(TestReportSchema, { steps });
  const telling = steps.filter(({ status }) => status === TestStatus.FAILED || status === TestStatus.WARNING);
  return create(TestReportSchema, { steps: telling.slice(0, maxSteps) });
}
