import type { JsonObject } from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { ProblemDetail } from "../../../proto-schema/http/problem-detail.ts";
import type { RestTarget } from "../request/rest-call.ts";
import { noSuggestions } from "./autocomplete.ts";

const { testConnectionProfile } = ConnectionProfileService.method;

/**
 * Returns the body of a success that the form gets in place of an error: of a test, the reason why there is nothing to test, of
 * suggestions none. Returns undefined for every other error.
 */
export function insteadOfError({ route, reshape }: RestTarget, problem: ProblemDetail): JsonObject | undefined {
  if (reshape !== undefined && problem.reason === "DISCOVERY_NOT_SUPPORTED") return noSuggestions;
  if (route.method !== testConnectionProfile || !isInvalid(problem)) return undefined;
  const { detail, violations = [] } = problem;
  return { error: true, done: true, message: detail, violations: violations.map((violation) => ({ ...violation })) };
}

/** Returns whether the request was read and its configuration found invalid. */
function isInvalid({ code, violations = [], preconditions = [] }: ProblemDetail): boolean {
  return (code === "INVALID_ARGUMENT" && violations.length > 0) || preconditions.length > 0;
}
