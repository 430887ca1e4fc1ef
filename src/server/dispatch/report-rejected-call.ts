import { Code, ConnectError, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { type CallHeaders, runHeaderInterceptors } from "./run-header-interceptors.ts";

/** Logs and measures a call that ended with an error before its interceptors ran. */
export type ReportRejectedCall = (arrival: CallHeaders, error: ConnectError) => void;

/** `interceptors` only log and measure. */
export function createReportRejectedCall(interceptors: readonly Interceptor[]): ReportRejectedCall {
  return (arrival, error) => {
    runHeaderInterceptors(interceptors, arrival, () => {
      throw error;
    }).catch(() => undefined); // the same error, which the caller already receives
  };
}

/**
 * Reports the protocol error of a call of Connect's handlers, which read the whole request before the interceptors run and abort
 * the call's signal with the error of reading it.
 */
export function reportProtocolError(context: HandlerContext, report: ReportRejectedCall): void {
  const { signal, values } = context;
  signal.addEventListener("abort", () => {
    const error: unknown = signal.reason;
    const entry = values.get(originKey);
    if (!(error instanceof ConnectError) || entry === undefined || entry.logged) return;
    entry.logged = true;
    // Connect uses this code when the connection breaks during the request.
    const left = error.code === Code.Aborted;
    report(context, left ? new ConnectError("the caller went away before its message was here", Code.Canceled) : error);
  });
}
