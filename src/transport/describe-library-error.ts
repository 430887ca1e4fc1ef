import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { toConnectError } from "../interceptors/map-errors.ts";
import { requestIdHeader, requestIdKey, requestIdOf } from "../interceptors/request-id.ts";
import { describeReadError } from "./connect/describe-read-error.ts";

/**
 * Connect reads a request before the interceptors run, and what it throws there carries no details; bytes that are no
 * protobuf it even calls INTERNAL. Its handlers abort the call's signal with the error just before they send it, which
 * is where it can be completed, with the request id that the call has from here on. For the request gate, which runs
 * before the body is read.
 */
export function describeLibraryError({ signal, values, requestHeader, responseHeader }: HandlerContext): void {
  values.set(requestIdKey, requestIdOf(requestHeader.get(requestIdHeader)));
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (!(error instanceof ConnectError) || error.details.length > 0) return;
    const requestId = values.get(requestIdKey);
    complete(error, requestId);
    // An answer that turned out too large to be sent has it already.
    if (!responseHeader.has(requestIdHeader)) error.metadata.set(requestIdHeader, requestId);
  });
}

function complete(error: ConnectError, requestId: string): void {
  // JSON that cannot be read is explained with the names in it; gRPC-Web cannot send a lone surrogate.
  const text = error.rawMessage.toWellFormed();
  const failure =
    error.code === Code.InvalidArgument ? new Failure(ErrorReason.MESSAGE_MALFORMED, text) : describeReadError(error);
  if (failure === undefined) Object.assign(error, { rawMessage: text });
  else {
    const { code, rawMessage, details } = toConnectError(failure, requestId);
    Object.assign(error, { code, rawMessage, details });
  }
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
