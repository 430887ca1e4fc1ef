import type { FastifyInstance, FastifyRequest } from "fastify";

const wellKnown = "/.well-known/oauth-protected-resource";

/** Tells clients which issuer's tokens this server takes (RFC 9728); for an external issuer only, ours has no log-in. */
export function serveProtectedResource(scope: FastifyInstance, path: string, issuer: string): void {
  // Some clients look for it at the path of the resource, some at the root.
  for (const url of [wellKnown, `${wellKnown}${path}`])
    scope.get(url, async (request, reply) => {
      // It says by which name this server was called, so it is not for others.
      reply.header("cache-control", "no-store").header("access-control-allow-origin", "*");
      return {
        resource: `${baseUrlOf(request)}${path}`,
        resource_name: "Connectory",
        authorization_servers: [issuer],
        bearer_methods_supported: ["header"],
      };
    });
}

/** Where a client that was refused finds that document. */
export function protectedResourceUrl(request: FastifyRequest, path: string): string {
  return `${baseUrlOf(request)}${wellKnown}${path}`;
}

/** This server as the client knows it: the name it called, through a proxy that may have ended its TLS. */
function baseUrlOf({ headers, protocol, host }: FastifyRequest): string {
  const isSecure = protocol === "https" || headers["x-forwarded-proto"] === "https";
  const name = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : "localhost";
  return `${isSecure ? "https" : "http"}://${name}`;
}
