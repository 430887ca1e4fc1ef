import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { toConnectError } from "../interceptors/map-errors.ts";
import { requestIdHeader, requestIdKey, requestIdOf } from "../interceptors/request-id.ts";

/**
 * Connect reads a request before the interceptors run, and what it throws there carries no details; bytes that are no
 * protobuf it even calls INTERNAL. Its handlers abort the call's signal with the error just before they send it, which
 * is where it can be completed, with the request id that the call has from here on. For the request gate, which runs
 * before the body is read.
 */
export function describeLibraryError({ signal, values, requestHeader }: HandlerContext): void {
  values.set(requestIdKey, requestIdOf(requestHeader.get(requestIdHeader)));
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (!(error instanceof ConnectError) || error.details.length > 0) return;
    complete(error, values.get(requestIdKey));
  });
}

/** What Connect says of an answer that cannot be written begins so; all else that it calls INTERNAL is the request's. */
const ownFault = "serialize ";

function complete(error: ConnectError, requestId: string): void {
  // A message can quote the request, and gRPC-Web cannot send a lone surrogate.
  const message = error.rawMessage.toWellFormed();
  if (error.code === Code.Internal && !message.startsWith(ownFault))
    become(error, malformed("the bytes are not a message of this method's request type", requestId));
  else if (error.code === Code.InvalidArgument) become(error, malformed(message, requestId));
  else become(error, { rawMessage: message });
  error.metadata.set(requestIdHeader, requestId);
}

function become(error: ConnectError, { code, rawMessage, details }: Partial<ConnectError>): void {
  Object.assign(error, { rawMessage, ...(details === undefined ? {} : { code, details }) });
}

/** A query that Connect cannot even take apart is checked ahead: what it throws then is no error of its own. */
export function checkQuery({ requestMethod, url, values }: HandlerContext): void {
  if (requestMethod !== "GET") return;
  const query = new URL(url).searchParams;
  if (query.get("base64") !== "1") return;
  try {
    base64Decode(query.get("message") ?? "");
  } catch {
    throw malformed("message: not base64", values.get(requestIdKey));
  }
}

function malformed(message: string, requestId: string): ConnectError {
  const error = toConnectError(new Failure(ErrorReason.MESSAGE_MALFORMED, message), requestId);
  error.metadata.set(requestIdHeader, requestId);
  return error;
}
