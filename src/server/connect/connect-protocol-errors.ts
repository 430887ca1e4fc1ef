import { ConnectError, type ContextValues, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { onCallEnd } from "../../interceptors/call/on-call-end.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader, requestIdKey } from "../../interceptors/request-id.ts";
import { translateReadError } from "./translate-read-error.ts";

const thrownByCalls = new WeakSet<object>();

/** Ahead of all others: remembers what they and the handlers throw, so that it is not taken for an error of Connect's own. */
export const keepCallErrors: Interceptor = (next) => (request) =>
  onCallEnd(next, request, {
    mapError: (error) => {
      if (error instanceof ConnectError) thrownByCalls.add(error);
      return error;
    },
  });

/**
 * Connect reads a request before the interceptors run, and what it throws there carries no details; bytes that are no
 * protobuf it even calls INTERNAL. Its handlers abort the call's signal with the error just before they send it, which
 * is where it can be completed, with the request id that the call has from here on. For the request gate, which runs
 * before the body is read.
 */
export function completeProtocolError({ signal, values, requestHeader, responseHeader }: HandlerContext): void {
  values.set(requestIdKey, ensureRequestId(requestHeader.get(requestIdHeader)));
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (!(error instanceof ConnectError) || error.details.length > 0) return;
    const requestId = values.get(requestIdKey);
    complete(error, values);
    // An answer that could not be written has it already.
    if (!responseHeader.has(requestIdHeader)) error.metadata.set(requestIdHeader, requestId);
  });
}

function complete(error: ConnectError, values: ContextValues): void {
  const failure = thrownByCalls.has(error) ? undefined : translateReadError(error, values);
  // gRPC-Web cannot send a lone surrogate.
  if (failure === undefined) Object.assign(error, { rawMessage: error.rawMessage.toWellFormed() });
  else {
    const { code, rawMessage, details } = toConnectError(failure, values.get(requestIdKey));
    Object.assign(error, { code, rawMessage, details });
  }
}
