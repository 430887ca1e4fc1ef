import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type TestReport, TestReportSchema, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import { ApiError } from "../errors/api-error.ts";
import type { TestOutcome } from "../test-workers/probe/run-probe.ts";
import type { SavedProfile } from "./saved-profile.ts";

/** The same for what never was, what is expunged and what another organization has. */
export function profileNotFound(): ApiError {
  return new ApiError(ErrorReason.PROFILE_NOT_FOUND, "your organization has no such connection profile");
}

/** The profile when it is there and not deleted; else throws PROFILE_NOT_FOUND or PROFILE_DELETED. */
export function requireLive(saved: SavedProfile | undefined): SavedProfile {
  if (saved === undefined) throw profileNotFound();
  if (saved.profile.deletedAt !== undefined)
    throw new ApiError(ErrorReason.PROFILE_DELETED, "the profile is deleted: undelete it first");
  return saved;
}

/** Throws ETAG_MISMATCH when the caller names an etag and the profile has another one. */
export function requireEtag(expected: string, actual: string): void {
  if (expected !== "" && expected !== actual) throw etagMismatch(actual);
}

/** ABORTED, with the etag that the profile has. */
export function etagMismatch(actual: string): ApiError {
  return new ApiError(
    ErrorReason.ETAG_MISMATCH,
    "etag: the profile was written since you read it: read it again, and repeat the change",
    { metadata: { etag: actual } },
  );
}

/** FAILED_PRECONDITION with the report of a test that failed. */
export function targetUnusable({ message, report }: TestOutcome): ApiError {
  return new ApiError(ErrorReason.TARGET_UNUSABLE, message, { report: shortened(report) });
}

/** An error travels in headers, of which some clients take 8 KB: of a long report what is not right goes before the rest. */
const maxSteps = 16;

function shortened({ steps }: TestReport): TestReport {
  if (steps.length <= maxSteps) return create(TestReportSchema, { steps });
  const telling = steps.filter(({ status }) => status === TestStatus.FAILED || status === TestStatus.WARNING);
  return create(TestReportSchema, { steps: telling.slice(0, maxSteps) });
}
