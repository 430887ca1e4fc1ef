import type { JsonObject } from "@bufbuild/protobuf";

/** The body of every error over REST: a problem detail (RFC 9457) with further members. */
export interface ProblemDetail {
  /** The type of problem: `urn:connectory:error:` and the reason. */
  readonly type: string;
  /** The code as text. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** A description of the error and its remedy, for people. */
  readonly detail: string;
  /** This occurrence: `urn:connectory:request:` and the request id. */
  readonly instance: string;
  /** The gRPC status code, such as `ALREADY_EXISTS`. */
  readonly code: string;
  /** A name of ErrorReason, or one of httpErrorCodes. */
  readonly reason: string;
  readonly requestId: string;
  /** The invalid fields; their paths are in the names of the service. */
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  /** The unmet preconditions: a stable type, the subject and a description. */
  readonly preconditions?: readonly {
    readonly type: string;
    readonly subject: string;
    readonly description: string;
  }[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** The delay before a retry in milliseconds; the header `Retry-After` has it in seconds. */
  readonly retryAfterMs?: number;
  /** The report of a live test. */
  readonly report?: JsonObject;
}

/** The members that the envelope style adds to a problem detail. */
export interface EnvelopeProblem {
  readonly result: "ERR";
  /** Such as `errMsg_userId1isRequired` or `errMsg_RecordNotFound`. */
  readonly message: string;
  /** Such as `LoginRequired`: the reason in PascalCase, but for a missing or bad token. */
  readonly errCode: string;
  readonly date: string;
}

/** The members that the flat style adds to a problem detail. */
export interface FlatProblem {
  /** The same as `detail`. */
  readonly error: string;
}

/** The reasons outside ErrorReason, which only HTTP has: errors before the RPC is known or before its request is read. */
export const httpErrorCodes = {
  REQUEST_MALFORMED: { status: 400, code: "INVALID_ARGUMENT" },
  PATH_MALFORMED: { status: 400, code: "INVALID_ARGUMENT" },
  PATH_UNKNOWN: { status: 404, code: "UNIMPLEMENTED" },
  METHOD_NOT_ALLOWED: { status: 405, code: "UNIMPLEMENTED" },
  REQUEST_TOO_SLOW: { status: 408, code: "DEADLINE_EXCEEDED" },
  BODY_TOO_LARGE: { status: 413, code: "RESOURCE_EXHAUSTED" },
  CONTENT_TYPE_UNSUPPORTED: { status: 415, code: "INVALID_ARGUMENT" },
  CONTENT_ENCODING_UNSUPPORTED: { status: 415, code: "INVALID_ARGUMENT" },
  HEADERS_TOO_LARGE: { status: 431, code: "RESOURCE_EXHAUSTED" },
} as const satisfies Record<string, { status: number; code: string }>;
