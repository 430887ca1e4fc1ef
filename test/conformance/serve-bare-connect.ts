import type { AddressInfo } from "node:net";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import { type FastifyInstance, fastify } from "fastify";
import type { TlsFiles } from "../../src/server/listener/tls-files.ts";
import type { Serve } from "./conformance-server.ts";

/** The routes on connect-fastify as it comes: what fails here is the library's. */
export const serveBareConnect: Serve = async ({ routes, registry, tls, maxMessageBytes, http2 }) => {
  const https = tls === undefined ? {} : { https: { cert: tls.cert, key: tls.key, ...clientCertificates(tls) } };
  const server = fastify({ ...https, ...(http2 ? { http2 } : {}) } as { https: null }) as unknown as FastifyInstance;
  await server.register(fastifyConnectPlugin, {
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    jsonOptions: { registry },
    routes: (router) => {
      for (const { method, implementation } of routes) router.rpc(method, implementation);
    },
  });
  await server.listen({ host: "127.0.0.1", port: 0 });
  return (server.server.address() as AddressInfo).port;
};

function clientCertificates({ clientCa }: TlsFiles) {
  return clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
}
