import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";

/** How a call ended. */
export interface CallStatus {
  /** The status code by its name in gRPC, such as `ALREADY_EXISTS`; `OK` when all went well. */
  readonly code: string;
  /** The ErrorReason, such as `CONNECTION_ALREADY_EXISTS`; undefined when all went well, and for what has none. */
  readonly reason: string | undefined;
  /** The service has failed, and not the caller. */
  readonly isServerError: boolean;
}

const ok: CallStatus = { code: "OK", reason: undefined, isServerError: false };

/** Those that OpenTelemetry's conventions for gRPC count as errors of a server. */
const serverErrors: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/** What the caller of a call sees of its end, once errors are mapped. */
export function callStatusOf(error: unknown): CallStatus {
  if (error === undefined) return ok;
  const { code, details } = ConnectError.from(error);
  const info = details.find((detail) => "desc" in detail && detail.desc === ErrorInfoSchema);
  const reason = info !== undefined && "value" in info ? (info.value as { reason?: string }).reason : undefined;
  return { code: statusName(code), reason, isServerError: serverErrors.has(code) };
}

/** The name of a status code as gRPC has it. */
export function statusName(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return (Code[code] ?? "Unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
