import { ConnectError, type ContextValues, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { onCallEnd } from "../../interceptors/call/on-call-end.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader, requestIdKey } from "../../interceptors/request-id.ts";
import { translateReadError } from "./translate-read-error.ts";

const thrownByCalls = new WeakSet<object>();

/** The outermost interceptor: it records the errors of interceptors and handlers, to distinguish them from Connect's own. */
export const keepCallErrors: Interceptor = (next) => (request) =>
  onCallEnd(next, request, {
    mapError: (error) => {
      if (error instanceof ConnectError) thrownByCalls.add(error);
      return error;
    },
  });

/**
 * Adds details and the request id to errors of Connect itself, which reads a request before the interceptors run, throws errors
 * without details and reports bytes that are not protobuf as INTERNAL. Its handlers abort the call's signal with the error just
 * before they send it; a listener completes the error then. Call it in the request gate, which runs before the body is read.
 */
export function completeProtocolError({ signal, values, requestHeader, responseHeader }: HandlerContext): void {
  values.set(requestIdKey, ensureRequestId(requestHeader.get(requestIdHeader)));
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    if (!(error instanceof ConnectError) || error.details.length > 0) return;
    const requestId = values.get(requestIdKey);
    complete(error, values);
    // After a failed encoding of the response the header already has the id.
    if (!responseHeader.has(requestIdHeader)) error.metadata.set(requestIdHeader, requestId);
  });
}

function complete(error: ConnectError, values: ContextValues): void {
  const failure = thrownByCalls.has(error) ? undefined : translateReadError(error);
  // gRPC-Web cannot send an unpaired surrogate.
  if (failure === undefined) Object.assign(error, { rawMessage: error.rawMessage.toWellFormed() });
  else {
    const { code, rawMessage, details } = toConnectError(failure, values.get(requestIdKey));
    Object.assign(error, { code, rawMessage, details });
  }
}
