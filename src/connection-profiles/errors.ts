import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { type TestReport, TestReportSchema, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import { ApiError } from "../errors/api-error.ts";
import type { TestOutcome } from "../test-workers/probe/run-probe.ts";
import type { SavedProfile } from "./saved-profile.ts";

/** PROFILE_NOT_FOUND, the same for a profile that never existed, is expunged or belongs to another organization. */
export function profileNotFound(): ApiError {
  return new ApiError(ErrorReason.PROFILE_NOT_FOUND, "your organization has no such connection profile");
}

/** Returns the profile if it exists and is not deleted. Throws PROFILE_NOT_FOUND or PROFILE_DELETED. */
export function requireLive(saved: SavedProfile | undefined): SavedProfile {
  if (saved === undefined) throw profileNotFound();
  if (saved.profile.deletedAt !== undefined)
    throw new ApiError(ErrorReason.PROFILE_DELETED, "the profile is deleted: undelete it first");
  return saved;
}

/** Throws ETAG_MISMATCH when the request's etag is not empty and differs from the profile's. */
export function requireEtag(expected: string, actual: string): void {
  if (expected !== "" && expected !== actual) throw etagMismatch(actual);
}

/** ETAG_MISMATCH (ABORTED), with the profile's current etag. */
export function etagMismatch(actual: string): ApiError {
  return new ApiError(
    ErrorReason.ETAG_MISMATCH,
    "etag: the profile was written since you read it: read it again, and repeat the change",
    { metadata: { etag: actual } },
  );
}

/** TARGET_UNUSABLE (FAILED_PRECONDITION), with the report of the failed test. */
export function targetUnusable({ message, report }: TestOutcome): ApiError {
  return new ApiError(ErrorReason.TARGET_UNUSABLE, message, { report: shortened(report) });
}

/**
 * The maximum number of steps in an error. Errors are sent in headers, of which some clients accept 8 KB: a longer report is
 * reduced to its failures and warnings.
 */
const maxSteps = 16;

function shortened({ steps }: TestReport): TestReport {
  if (steps.length <= maxSteps) return create(TestReportSchema, { steps });
  const telling = steps.filter(({ status }) => status === TestStatus.FAILED || status === TestStatus.WARNING);
  return create(TestReportSchema, { steps: telling.slice(0, maxSteps) });
}
