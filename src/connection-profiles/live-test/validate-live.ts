import type { HandlerContext } from "@connectrpc/connect";
import { ValidationMode } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { TestReport } from "../../../gen/connectory/v1/test_report_pb.js";
import { actorOf } from "../../interceptors/event-actor.ts";
import { targetUnusable } from "../errors.ts";
import { requirePermission } from "../require-permission.ts";
import type { TestTarget } from "../test-run.ts";
import type { RunLiveTest } from "./run-live-test.ts";

/** Throws PERMISSION_MISSING when a request asks for a live test that its caller may not run. */
export function checkValidationMode(context: HandlerContext, mode: ValidationMode): void {
  if (mode === ValidationMode.LIVE) requirePermission(context, "profiles.test", "validation_mode LIVE");
}

/**
 * Runs the live test of a request with validation_mode LIVE, before the write. Returns its report, or undefined for another
 * mode. Throws TARGET_UNUSABLE when the test fails, and the signal's reason when the caller has cancelled meanwhile: no write
 * may follow.
 */
export async function validateLive(
  run: RunLiveTest,
  context: HandlerContext,
  mode: ValidationMode,
  testTarget: TestTarget,
): Promise<TestReport | undefined> {
  if (mode !== ValidationMode.LIVE) return undefined;
  const outcome = await run({ caller: actorOf(context), testTarget, kind: "live_validation", context });
  context.signal.throwIfAborted();
  if (outcome.error) throw targetUnusable(outcome);
  return outcome.report;
}
