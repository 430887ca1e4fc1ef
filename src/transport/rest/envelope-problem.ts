import type { EnvelopeProblem, ProblemDetail } from "../../contract/problem-detail.ts";

/**
 * What the envelope style adds to a problem: the names that its callers know, made from the code, the reason and the first
 * violation. `method` is the RPC's name, such as `createConnection`.
 */
export function envelopeProblem(problem: ProblemDetail, method: string): EnvelopeProblem {
  const loginRequired = problem.code === "UNAUTHENTICATED";
  return {
    result: "ERR",
    message: `errMsg_${loginRequired ? `${method}RequiresLogin` : whatIsWrong(problem)}`,
    errCode: loginRequired ? "LoginRequired" : pascal(problem.reason),
    date: new Date().toISOString(),
  };
}

function whatIsWrong({ code, reason, violations = [] }: ProblemDetail): string {
  const [first] = violations;
  if (code === "NOT_FOUND") return "RecordNotFound";
  if (code === "ALREADY_EXISTS" && first !== undefined)
    return `DuplicateIndexErrorWithFields:${violations.map(({ field }) => field).join("-")}`;
  if (code !== "INVALID_ARGUMENT" || first === undefined) return pascal(reason);
  if (first.description === "value is required") return `${first.field}isRequired`;
  return `${first.field}${/(^id|Id)\d*$/.test(first.field) ? "isNotAValidID" : "isNotValid"}`;
}

/** `CONNECTION_ALREADY_EXISTS` as `ConnectionAlreadyExists`. */
function pascal(name: string): string {
  return name.toLowerCase().replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
