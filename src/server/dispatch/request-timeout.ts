import type { IncomingHttpHeaders } from "node:http";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";

/**
 * The maximum delay of `setTimeout` in milliseconds, 24.8 days; it runs a longer one after 1 ms. No connection lives that long,
 * so a later deadline is ignored.
 */
export const maxTimerMs = 2 ** 31 - 1;

const forms = {
  "grpc-timeout": "must be 1 to 8 digits and one of H M S m u n, such as 5S or 250m",
  "connect-timeout-ms": "must be a number of milliseconds, of 1 to 10 digits",
} as const;

/** Why a deadline is refused: it is malformed, or has passed before the call starts. */
export type TimeoutFault = "malformed" | "passed";

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Checks the deadline header of a request. Returns its fault, or undefined. Deletes the header unless a timer can be set to it. */
export function takeRequestTimeout(headers: IncomingHttpHeaders, name: keyof typeof forms): TimeoutFault | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  const ms = name === "grpc-timeout" ? readGrpcTimeout(String(text)) : readTimeoutMs(String(text));
  if (ms >= 1 && ms <= maxTimerMs) return undefined;
  delete headers[name];
  if (Number.isNaN(ms)) return "malformed";
  return ms < 1 ? "passed" : undefined;
}

function readGrpcTimeout(text: string): number {
  const [, value = "", unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return Number(value) * (unitsMs[unit] ?? Number.NaN);
}

/** Parses 1 to 10 digits as milliseconds; returns NaN for any other text. */
export function readTimeoutMs(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
}

/** Returns the error for a deadline: MESSAGE_MALFORMED with the accepted form, or DEADLINE_EXCEEDED. */
export function timeoutFailure(timeout: TimeoutFault, header: keyof typeof forms): ApiError {
  return timeout === "malformed"
    ? new ApiError(ErrorReason.MESSAGE_MALFORMED, `${header}: ${forms[header]}`)
    : new ApiError(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed before the call began");
}
