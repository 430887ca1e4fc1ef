import { type TestReport, TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { detailOf } from "./detail-of.ts";

/** What a live test found out, when the call failed for it (TARGET_UNUSABLE). */
export function reportOf(error: unknown): TestReport | undefined {
  return detailOf(error, TestReportSchema);
}
