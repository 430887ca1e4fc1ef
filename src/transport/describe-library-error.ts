import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { Failure } from "../failure.ts";
import { toConnectError } from "../interceptors/map-errors.ts";

/**
 * Connect reads a request before the interceptors run, and what it throws there carries no details; bytes that are no
 * protobuf it even calls INTERNAL. Its handlers abort the call's signal with the error just before they send it, which
 * is where it can be completed. As a request gate this runs before the body is read.
 */
export function describeLibraryError({ signal }: HandlerContext): void {
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (error instanceof ConnectError && error.details.length === 0) complete(error);
  });
}

function complete(error: ConnectError): void {
  const unreadable = error.code === Code.Internal && error.rawMessage.startsWith("parse ");
  if (unreadable) Object.assign(error, malformed("the bytes are not a message of this method's request type"));
  else if (error.code === Code.InvalidArgument) Object.assign(error, malformed(error.rawMessage));
}

function malformed(message: string): Partial<ConnectError> {
  const { code, rawMessage, details } = toConnectError(new Failure(ErrorReason.MESSAGE_MALFORMED, message), "");
  return { code, rawMessage, details: details.filter((detail) => "desc" in detail && detail.desc === ErrorInfoSchema) };
}
