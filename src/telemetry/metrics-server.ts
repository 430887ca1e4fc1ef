import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";

/** The source of the metrics, and who may read them. */
export interface MetricsOptions {
  /** Returns the metrics in the text format of Prometheus. */
  readMetrics(): Promise<string>;
  /** The bearer token that every request needs when it is set. */
  readonly token: string | undefined;
  /** The address is reachable from this machine only: then no token is needed. */
  readonly local: boolean;
}

/**
 * Serves `/metrics`. The metrics contain no secrets, but the rates of calls are not for the public, so an address that other
 * machines can reach needs a token (403 without METRICS_TOKEN, 401 for a wrong token).
 */
export function serveMetrics({ readMetrics, token, local }: MetricsOptions): (scope: FastifyInstance) => void {
  // Concurrent requests share one result: reading takes some milliseconds and a database query.
  let reading: Promise<string> | undefined;
  const read = () => {
    reading ??= readMetrics().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  return (scope) => {
    scope.get("/metrics", async ({ headers }, reply) => {
      reply.header("cache-control", "no-store").type("text/plain; version=0.0.4; charset=utf-8");
      if (token === undefined && !local)
        return reply.code(403).send("Metrics are served beyond this machine once METRICS_TOKEN is set.\n");
      if (token !== undefined && !isSame(headers.authorization ?? "", `Bearer ${token}`))
        return reply.code(401).header("www-authenticate", "Bearer").send("Send METRICS_TOKEN as a bearer token.\n");
      return reply.send(await read());
    });
  };
}

/** Compares in constant time. */
function isSame(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(left, right);
}
