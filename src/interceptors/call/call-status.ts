import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";

/** The status of a finished call. */
export interface CallStatus {
  /** The name of the gRPC status code, such as `ALREADY_EXISTS`; `OK` for success. */
  readonly code: string;
  /** The ErrorReason, such as `CONNECTION_ALREADY_EXISTS`; undefined for success and for errors without one. */
  readonly reason: string | undefined;
  /** The code is an error of the server, not of the caller. */
  readonly isServerError: boolean;
}

const ok: CallStatus = { code: "OK", reason: undefined, isServerError: false };

/** The codes that the OpenTelemetry conventions for gRPC count as server errors. */
const serverErrors: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/** Returns the status that the caller receives, for a mapped error; undefined is success. */
export function callStatusOf(error: unknown): CallStatus {
  if (error === undefined) return ok;
  const { code, details } = ConnectError.from(error);
  const info = details.find((detail) => "desc" in detail && detail.desc === ErrorInfoSchema);
  const reason = info !== undefined && "value" in info ? (info.value as { reason?: string }).reason : undefined;
  return { code: statusName(code), reason, isServerError: serverErrors.has(code) };
}

/** Returns the gRPC name of a status code. */
export function statusName(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return (Code[code] ?? "Unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
