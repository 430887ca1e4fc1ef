import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { principalKey } from "../auth/principal.ts";
import { traceIdOf } from "../telemetry/trace-context.ts";
import { aroundCall } from "./around-call.ts";
import { entryKey } from "./entry.ts";
import { shedKey } from "./load-shedder.ts";
import { loggedCauseKey } from "./map-errors.ts";
import { outcomeOf } from "./outcome.ts";
import { requestIdKey } from "./request-id.ts";
import { traceKey } from "./trace.ts";

/**
 * One line per call: who, what, by which door, how it ended, how long. Never a message, a header or a token.
 * `refusalsOnly` is for a door that asks ahead of the call whether it is let in: one that is will have its line when it
 * ends.
 */
export function accessLog(log: Logger, { refusalsOnly = false } = {}): Interceptor {
  return (next) => (request) => {
    const { contextValues: values, service, method } = request;
    const started = performance.now();
    const entry = values.get(entryKey);
    if (entry !== undefined && !refusalsOnly) entry.told = true;
    return aroundCall(next, request, {
      over: (error) => {
        if (refusalsOnly && error === undefined) return;
        if (entry !== undefined) entry.told = true;
        if (values.get(shedKey)) return; // load-shedder.ts writes one line for many
        const { code, reason } = outcomeOf(error);
        const { organizationId, userId } = values.get(principalKey);
        const trace = values.get(traceKey);
        log.info(
          {
            door: entry?.door,
            rpc: `${service.typeName}/${method.name}`,
            code,
            reason,
            cause: values.get(loggedCauseKey),
            ms: Math.round((performance.now() - started) * 100) / 100,
            requestId: values.get(requestIdKey),
            traceId: trace === undefined ? undefined : traceIdOf(trace),
            organizationId,
            userId,
            peer: entry?.peer,
            bytes: entry?.bytes,
          },
          "call",
        );
      },
    });
  };
}
