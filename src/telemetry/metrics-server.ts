import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";

/** Who may read the metrics, and how to get them. */
export interface MetricsOptions {
  readMetrics(): Promise<string>;
  /** Asked of everybody when it is set. */
  readonly token: string | undefined;
  /** Only this machine can reach the address: then no token is needed. */
  readonly local: boolean;
}

/**
 * Serves `/metrics`. There is nothing secret in it, but how much of what is called is nobody's business on the internet, so
 * an address that others can reach needs a token.
 */
export function serveMetrics({ readMetrics, token, local }: MetricsOptions): (scope: FastifyInstance) => void {
  // Those who ask at the same time get the same: reading takes some milliseconds, and a query of the database.
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

/** In a time that says nothing about where they differ. */
function isSame(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(left, right);
}
