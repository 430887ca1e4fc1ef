import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { actorOf } from "../../interceptors/event-actor.ts";
import { unsupportedOutcome } from "../../test-workers/probe/run-probe.ts";
import type { RunLiveTest } from "../live-test/run-live-test.ts";
import type { ResolveTestTarget } from "../live-test/test-target.ts";

/** Tests a configuration against the real system. A failed test is a response and no error. */
export function testConnectionProfile(deps: {
  resolveTestTarget: ResolveTestTarget;
  runLiveTest: RunLiveTest;
}): MethodImpl<typeof ConnectionProfileService.method.testConnectionProfile> {
  return async (request, context) => {
    const caller = actorOf(context);
    const testTarget = await deps.resolveTestTarget(caller, request);
    const { error, message, report } =
      testTarget === undefined
        ? unsupportedOutcome()
        : await deps.runLiveTest({ caller, testTarget, kind: "test", context });
    return { error, done: true, message, report };
  };
}
