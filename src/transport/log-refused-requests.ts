import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { requestIdHeader } from "../interceptors/request-id.ts";
import { entryOf } from "./enter.ts";

/**
 * Writes a line for every HTTP request that was refused without ever becoming a call, such as one to a path that is not
 * here, and so has no line of a call. The path is not in it, only which of ours it met: a caller's may hold anything.
 */
export function logRefusedRequests(server: FastifyInstance, log: Logger): void {
  server.addHook("onResponse", async (request, reply) => {
    const entry = entryOf(request);
    if (reply.statusCode < 400 || entry?.told === true) return;
    log.info(
      {
        door: entry?.door ?? "http",
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 100) / 100,
        requestId: reply.getHeader(requestIdHeader),
        peer: entry?.peer ?? request.ip,
      },
      "no call",
    );
  });
}
