import { type DescMessage, type JsonObject, toJson } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { TestReportSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import {
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.js";
import { statusName } from "../../interceptors/call/call-status.ts";
import type { EnvelopeProblem, FlatProblem, ProblemDetail } from "../../proto-schema/http/problem-detail.ts";
import type { RestMapping } from "../../proto-schema/http/rest-mapping.ts";
import { inCallerNames } from "./caller-names.ts";
import { HttpError } from "./http-error.ts";

/** The failed call of a problem detail. */
export interface FailedCall {
  readonly requestId: string;
  /** The RPC; undefined when the request matched none. */
  readonly target: { readonly name: string; readonly form: RestMapping; readonly input: DescMessage } | undefined;
  /** True when the request had its fields inside the member that a discriminator names. */
  readonly wrapped: boolean;
  /** True when the request had the header `If-Match` or `If-None-Match`. */
  readonly conditional: boolean;
  /** True to add the member `error` in every style. Default: the flat style alone has it. */
  readonly hasError?: boolean;
}

/** The response to an error. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ProblemDetail;
}

const statusOf: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499, // not received: the caller has disconnected
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 422,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** Converts `ALREADY_EXISTS` to `Already exists`. */
function inWords(name: string): string {
  return name.charAt(0) + name.slice(1).toLowerCase().replaceAll("_", " ");
}

/** Converts an error to a problem detail with the members of the REST style of its service. */
export function toProblemDetails(error: HttpError | ConnectError, call: FailedCall): Problem {
  const style = call.target?.form.style ?? RestStyle.UNSPECIFIED;
  const { status, code, title, detail, reason, headers, more } =
    error instanceof HttpError ? describeRefusal(error) : describeError(error, call, style);
  const problem: ProblemDetail = {
    type: `urn:connectory:error:${reason}`,
    title,
    status,
    detail,
    instance: `urn:connectory:request:${call.requestId}`,
    code,
    reason,
    requestId: call.requestId,
    ...more,
  };
  return { status, headers, body: { ...problem, ...styled(style, problem, call) } };
}

function styled(style: RestStyle, problem: ProblemDetail, { target, hasError = false }: FailedCall): object {
  const flat: FlatProblem = { error: problem.detail };
  if (style === RestStyle.FLAT) return flat;
  const envelope = style === RestStyle.ENVELOPE ? envelopeProblem(problem, target?.name ?? "") : {};
  return hasError ? { ...envelope, ...flat } : envelope;
}

interface Described {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly more: Partial<ProblemDetail>;
}

function describeRefusal({ status, code, reason, message, headers }: HttpError): Described {
  return { status, code, title: inWords(reason), detail: message, reason, headers, more: {} };
}

function describeError(error: ConnectError, call: FailedCall, style: RestStyle): Described {
  const [info] = error.findDetails(ErrorInfoSchema);
  const reason = info?.reason ?? "INTERNAL";
  const retryDelay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const retryAfterMs = retryDelay === undefined ? undefined : durationMs(retryDelay);
  const { detail, violations } = violationsOf(error, call);
  return {
    status: httpStatus(error.code, call, style),
    code: statusName(error.code),
    title: inWords(statusName(error.code)),
    detail,
    reason,
    headers: {
      ...(error.code === Code.Unauthenticated ? { "www-authenticate": challenge(reason) } : {}),
      ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    },
    more: {
      ...(violations === undefined ? {} : { violations }),
      ...preconditionsOf(error),
      ...(Object.keys(info?.metadata ?? {}).length === 0 ? {} : { metadata: info?.metadata ?? {} }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...reportOf(error, call),
    },
  };
}

function httpStatus(code: Code, { conditional }: FailedCall, style: RestStyle): number {
  if (code === Code.Aborted && conditional) return 412;
  if (code === Code.FailedPrecondition && style !== RestStyle.ENVELOPE) return 400;
  return statusOf[code];
}

function challenge(reason: string): string {
  return reason === "TOKEN_MISSING" ? "Bearer" : 'Bearer error="invalid_token"';
}

/** Returns the violations and the detail with the caller's names of the fields. */
function violationsOf(
  error: ConnectError,
  { target, wrapped }: FailedCall,
): Pick<ProblemDetail, "detail" | "violations"> {
  if (target === undefined) return { detail: error.rawMessage };
  const { message, violations } = inCallerNames(error, target.input, { names: target.form.names, wrapped });
  return { detail: message, ...(violations === undefined ? {} : { violations }) };
}

function preconditionsOf(error: ConnectError): Partial<ProblemDetail> {
  const [failure] = error.findDetails(PreconditionFailureSchema);
  if (failure === undefined) return {};
  return {
    preconditions: failure.violations.map(({ type, subject, description }) => ({ type, subject, description })),
  };
}

function reportOf(error: ConnectError, { target }: FailedCall): Partial<ProblemDetail> {
  const [report] = error.findDetails(TestReportSchema);
  if (report === undefined) return {};
  const useProtoFieldName = target?.form.names !== "json";
  return { report: toJson(TestReportSchema, report, { useProtoFieldName, alwaysEmitImplicit: true }) as JsonObject };
}

/**
 * Returns the members that the envelope style adds to a problem, made from the code, the reason and the first violation. `method`
 * is the local name of the RPC, such as `createConnection`.
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

/** Converts `CONNECTION_ALREADY_EXISTS` to `ConnectionAlreadyExists`. */
function pascal(name: string): string {
  return name.toLowerCase().replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
