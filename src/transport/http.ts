import type { AddressInfo } from "node:net";
import type { Interceptor } from "@connectrpc/connect";
import { cors as connectCors } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import cors from "@fastify/cors";
import { type FastifyInstance, fastify } from "fastify";
import { requestIdHeader } from "../interceptors/request-id.ts";
import { createAdmission } from "./create-admission.ts";
import { checkQuery, describeLibraryError } from "./describe-library-error.ts";
import type { TlsFiles } from "./read-tls.ts";
import type { Route } from "./routes.ts";

/** What the HTTP server needs. */
export interface HttpOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** Those of the interceptors that decide from the headers alone whether a call is let in. */
  readonly admission: readonly Interceptor[];
  /** The most bytes of one message, both ways. */
  readonly maxMessageBytes: number;
  /** The origins that may call from web pages; `*` for all. */
  readonly corsOrigins: readonly string[];
  readonly tls: TlsFiles | undefined;
  /** Further doors on the same port, each in a scope of its own. */
  readonly facades: readonly Facade[];
  /** Whether calls are answered at present. */
  readonly isReady: () => Promise<boolean>;
}

/** Adds its paths to the HTTP server. Hooks, parsers and plugins that it adds are for its own paths alone. */
export type Facade = (scope: FastifyInstance) => void | Promise<void>;

/** A running HTTP server. */
export interface HttpServer {
  readonly port: number;
  /** Lets running calls end for at most `graceMs`, then cuts them off. */
  stop(graceMs: number): Promise<void>;
}

/** Serves the routes over Connect and gRPC-Web, with `/healthz` (it lives) and `/readyz` (it answers calls). */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, routes, interceptors, admission, maxMessageBytes, corsOrigins, tls, facades, isReady } = options;
  const admit = createAdmission(admission);
  const server = fastify({
    bodyLimit: maxMessageBytes,
    forceCloseConnections: false,
    ...(tls === undefined ? {} : { https: toHttps(tls) }),
  }) as unknown as FastifyInstance;
  if (corsOrigins.length > 0) await server.register(cors, corsOptions(corsOrigins));

  server.get("/healthz", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const ready = await isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ok" : "unavailable" });
  });
  await server.register(fastifyConnectPlugin, {
    grpc: false, // gRPC has a port of its own, with a faster server behind it
    interceptors: [...interceptors],
    requestGate: async (context) => {
      describeLibraryError(context);
      checkQuery(context);
      await admit(context);
    },
    // setTimeout takes no more than 24 days and would fire at once; nobody waits for a day.
    maxTimeoutMs: 86_400_000,
    binaryOptions: { readUnknownFields: false },
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    jsonOptions: { ignoreUnknownFields: false, alwaysEmitImplicit: true },
    routes: (router) => {
      for (const { method, implementation } of routes) router.rpc(method, implementation);
    },
  });
  for (const facade of facades) await server.register(async (scope) => facade(scope));
  await server.listen({ host, port: options.port });
  return { port: (server.server.address() as AddressInfo).port, stop: (graceMs) => stop(server, graceMs) };
}

function toHttps({ cert, key, clientCa }: TlsFiles) {
  return {
    cert,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

function corsOptions(origins: readonly string[]) {
  return {
    origin: origins.includes("*") ? "*" : [...origins],
    methods: [...connectCors.allowedMethods],
    allowedHeaders: [...connectCors.allowedHeaders, "authorization", requestIdHeader, "traceparent"],
    exposedHeaders: [...connectCors.exposedHeaders, requestIdHeader],
    maxAge: 7200,
  };
}

async function stop(server: FastifyInstance, graceMs: number): Promise<void> {
  const { server: connections } = server;
  // A kept-alive connection falls idle when its running call ends, and would hold the stop up from there on.
  const idle = setInterval(() => connections.closeIdleConnections(), 50);
  const late = setTimeout(() => connections.closeAllConnections(), graceMs);
  await server.close();
  clearInterval(idle);
  clearTimeout(late);
}
