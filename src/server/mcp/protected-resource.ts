import type { FastifyInstance, FastifyRequest } from "fastify";

const wellKnown = "/.well-known/oauth-protected-resource";

/**
 * Serves the metadata that names the issuer of accepted tokens (RFC 9728); for an external issuer only, because the local one has
 * no log-in.
 */
export function serveProtectedResource(scope: FastifyInstance, path: string, issuer: string): void {
  // Some clients request it at the path of the resource, some at the root.
  for (const url of [wellKnown, `${wellKnown}${path}`])
    scope.get(url, async (request, reply) => {
      // It contains the host name of the request, so it must not be cached.
      reply.header("cache-control", "no-store").header("access-control-allow-origin", "*");
      return {
        resource: `${baseUrlOf(request)}${path}`,
        resource_name: "Connectory",
        authorization_servers: [issuer],
        bearer_methods_supported: ["header"],
      };
    });
}

/** Returns the URL of this metadata, for a refused client. */
export function protectedResourceUrl(request: FastifyRequest, path: string): string {
  return `${baseUrlOf(request)}${wellKnown}${path}`;
}

/** Returns the URL of this server from the client's view: the requested host name, with `https` also behind a proxy that ends TLS. */
function baseUrlOf({ headers, protocol, host }: FastifyRequest): string {
  const isSecure = protocol === "https" || headers["x-forwarded-proto"] === "https";
  const name = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : "localhost";
  return `${isSecure ? "https" : "http"}://${name}`;
}
