import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { requestIdHeader } from "../../interceptors/request-id.ts";
import { requestOriginOf } from "./request-origin.ts";

/**
 * Writes a line for every HTTP request that was refused without ever becoming a call, such as one to a path that is not
 * here, and so has no line of a call. The path is not in it, only which of ours it met: a caller's may hold anything.
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
