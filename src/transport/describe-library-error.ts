import { ConnectError, type HandlerContext } from "@connectrpc/connect";
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
  const failure = describeReadError(error);
  // gRPC-Web cannot send a lone surrogate.
  if (failure === undefined) Object.assign(error, { rawMessage: error.rawMessage.toWellFormed() });
  else {
    const { code, rawMessage, details } = toConnectError(failure, requestId);
    Object.assign(error, { code, rawMessage, details });
  }
}
