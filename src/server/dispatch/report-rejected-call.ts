import { Code, ConnectError, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { type CallHeaders, runHeaderInterceptors } from "./run-header-interceptors.ts";

/** Tells of a call that ended with an error before its interceptors could run, as they would have told of it. */
export type ReportRejectedCall = (arrival: CallHeaders, error: ConnectError) => void;

/** `interceptors` are those that tell of calls and do nothing else. */
export function createReportRejectedCall(interceptors: readonly Interceptor[]): ReportRejectedCall {
  return (arrival, error) => {
    runHeaderInterceptors(interceptors, arrival, () => {
      throw error;
    }).catch(() => undefined); // it is that error again, which is the caller's already
  };
}

/**
 * Watches a call of Connect's handlers, which read the whole request before the interceptors run and abort the call's signal
 * with what they could not read. For the request gate.
 */
export function reportProtocolError(context: HandlerContext, report: ReportRejectedCall): void {
  const { signal, values } = context;
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    const entry = values.get(originKey);
    if (!(error instanceof ConnectError) || entry === undefined || entry.logged) return;
    entry.logged = true;
    // Connect calls it so when the connection breaks while the request is still on its way.
    const left = error.code === Code.Aborted;
    report(context, left ? new ConnectError("the caller went away before its message was here", Code.Canceled) : error);
  });
}
