import type { JsonObject } from "@bufbuild/protobuf";

/** The body of every error over REST: a problem detail (RFC 9457) with members of our own. */
export interface ProblemDetail {
  /** Names the kind of problem: `urn:connectory:error:` and the reason. */
  readonly type: string;
  /** The code in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What is wrong and what to do, for people. */
  readonly detail: string;
  /** This very problem: `urn:connectory:request:` and the request id. */
  readonly instance: string;
  /** The gRPC status code, such as `ALREADY_EXISTS`. */
  readonly code: string;
  /** A name of ErrorReason, or one of httpErrorCodes. */
  readonly reason: string;
  readonly requestId: string;
  /** The fields that are wrong; their paths are in the names of the service. */
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  /** What must be done first, about what, under a stable name. */
  readonly preconditions?: readonly {
    readonly type: string;
    readonly subject: string;
    readonly description: string;
  }[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** When to come back, in milliseconds; `Retry-After` says the same in seconds. */
  readonly retryAfterMs?: number;
  /** What a live test found out. */
  readonly report?: JsonObject;
}

/** What the envelope style adds to a problem detail. */
export interface EnvelopeProblem {
  readonly result: "ERR";
  /** Such as `errMsg_userId1isRequired` or `errMsg_RecordNotFound`. */
  readonly message: string;
  /** Such as `LoginRequired`: the reason in PascalCase, but for a missing or bad token. */
  readonly errCode: string;
  readonly date: string;
}

/** What the flat style adds to a problem detail. */
export interface FlatProblem {
  /** The same as `detail`. */
  readonly error: string;
}

/**
 * What is refused before it is known which RPC is meant, or before its request can be read: the reasons that are no
 * ErrorReason, because only HTTP has them.
 */
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
