import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { requestIdHeader } from "../../interceptors/request-id.ts";
import { requestOriginOf } from "./request-origin.ts";

/**
 * Logs every HTTP request with an error status that never became a call, such as one to an unknown path, and so has no access log
 * line. The line has the matched route, not the requested path, which may contain anything.
 */
export function logRejectedRequests(server: FastifyInstance, log: Logger): void {
  server.addHook("onResponse", async (request, reply) => {
    const origin = requestOriginOf(request);
    if (reply.statusCode < 400 || origin?.logged === true) return;
    log.info(
      {
        protocol: origin?.protocol ?? "http",
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 100) / 100,
        requestId: reply.getHeader(requestIdHeader),
        peer: origin?.peer ?? request.ip,
      },
      "rejected request",
    );
  });
}
