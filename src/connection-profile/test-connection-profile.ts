import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { unsupportedOutcome } from "../connectors/run-test.ts";
import { callerOf } from "../interceptors/caller.ts";
import type { ReadCandidate } from "./candidate.ts";
import type { RunCandidate } from "./run-candidate.ts";

/** Tries a configuration against the real system. */
export function testConnectionProfile(deps: {
  readCandidate: ReadCandidate;
  runCandidate: RunCandidate;
}): MethodImpl<typeof ConnectionProfileService.method.testConnectionProfile> {
  return async (request, context) => {
    const caller = callerOf(context);
    const candidate = await deps.readCandidate(caller, request);
    const { error, message, report } =
      candidate === undefined
        ? unsupportedOutcome()
        : await deps.runCandidate({ caller, candidate, kind: "test", context });
    return { error, done: true, message, report };
  };
}
