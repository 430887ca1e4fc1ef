import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { principalKey } from "../auth/principal.ts";
import { traceIdOf } from "../telemetry/trace-context.ts";
import { originKey } from "./call/call-origin.ts";
import { callStatusOf } from "./call/call-status.ts";
import { onCallEnd } from "./call/on-call-end.ts";
import { shedKey } from "./load-shedding/load-shedder.ts";
import { loggedCauseKey } from "./map-errors.ts";
import { requestIdKey } from "./request-id.ts";
import { traceKey } from "./trace.ts";

/**
 * Logs one line per call: caller, RPC, protocol, status and duration in milliseconds; never a message, a header or a token.
 * `rejectedOnly` (default false) is for the chain before the call: an accepted call is logged when it ends.
 */
export function accessLog(log: Logger, { rejectedOnly = false } = {}): Interceptor {
  return (next) => (request) => {
    const { contextValues: values, service, method } = request;
    const started = performance.now();
    const origin = values.get(originKey);
    if (origin !== undefined && !rejectedOnly) origin.logged = true;
    return onCallEnd(next, request, {
      onEnd: (error) => {
        if (rejectedOnly && error === undefined) return;
        if (origin !== undefined) origin.logged = true;
        if (values.get(shedKey)) return; // load-shedder.ts logs these calls together
        const { code, reason } = callStatusOf(error);
        const { organizationId, userId } = values.get(principalKey);
        const trace = values.get(traceKey);
        log.info(
          {
            protocol: origin?.protocol,
            rpc: `${service.typeName}/${method.name}`,
            code,
            reason,
            cause: values.get(loggedCauseKey),
            ms: Math.round((performance.now() - started) * 100) / 100,
            requestId: values.get(requestIdKey),
            traceId: trace === undefined ? undefined : traceIdOf(trace),
            organizationId,
            userId,
            peer: origin?.peer,
            bytes: origin?.bytes,
          },
          "call",
        );
      },
    });
  };
}
