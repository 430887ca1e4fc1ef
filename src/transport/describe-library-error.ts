import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { Failure } from "../failure.ts";
import { toConnectError } from "../interceptors/map-errors.ts";

/**
 * Connect reads a request before the interceptors run, and what it throws there carries no details; bytes that are no
 * protobuf it even calls INTERNAL. Its handlers abort the call's signal with the error just before they send it, which
 * is where it can be completed. For the request gate, which runs before the body is read.
 */
export function describeLibraryError({ signal }: HandlerContext): void {
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (error instanceof ConnectError && error.details.length === 0) complete(error);
  });
}

/** What Connect says of an answer that cannot be written begins so; all else that it calls INTERNAL is the request's. */
const ownFault = "serialize ";

function complete(error: ConnectError): void {
  // A message can quote the request, and gRPC-Web cannot send a lone surrogate.
  const message = error.rawMessage.toWellFormed();
  if (error.code === Code.Internal && !message.startsWith(ownFault))
    Object.assign(error, malformed("the bytes are not a message of this method's request type"));
  else if (error.code === Code.InvalidArgument) Object.assign(error, malformed(message));
  else Object.assign(error, { rawMessage: message });
}

/** A query that Connect cannot even take apart is checked ahead: what it throws then is no error of its own. */
export function checkQuery({ requestMethod, url }: HandlerContext): void {
  if (requestMethod !== "GET") return;
  const query = new URL(url).searchParams;
  if (query.get("base64") !== "1") return;
  try {
    base64Decode(query.get("message") ?? "");
  } catch {
    throw toConnectError(new Failure(ErrorReason.MESSAGE_MALFORMED, "message: not base64"), "");
  }
}

function malformed(message: string): Partial<ConnectError> {
  const { code, rawMessage, details } = toConnectError(new Failure(ErrorReason.MESSAGE_MALFORMED, message), "");
  return { code, rawMessage, details: details.filter((detail) => "desc" in detail && detail.desc === ErrorInfoSchema) };
}
