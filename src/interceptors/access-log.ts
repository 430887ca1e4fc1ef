import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { principalKey } from "../auth/principal.ts";
import { aroundCall } from "./around-call.ts";
import { requestIdKey } from "./request-id.ts";

/**
 * One line per call: who, what, how it ended, how long. Never a message, a header or a token. `refusalsOnly` is for a
 * door that asks ahead of the call whether it is let in: one that is will have its line when it ends.
 */
export function accessLog(log: Logger, { refusalsOnly = false } = {}): Interceptor {
  return (next) => (request) => {
    const started = performance.now();
    const line = (code: string) => {
      const { organizationId, userId } = request.contextValues.get(principalKey);
      log.info(
        {
          rpc: `${request.service.typeName}/${request.method.name}`,
          code,
          ms: Math.round((performance.now() - started) * 100) / 100,
          requestId: request.contextValues.get(requestIdKey),
          organizationId,
          userId,
        },
        "call",
      );
    };
    return aroundCall(next, request, {
      over: (error) => {
        if (error !== undefined) line(Code[ConnectError.from(error).code] ?? "Unknown");
        else if (!refusalsOnly) line("ok");
      },
    });
  };
}
