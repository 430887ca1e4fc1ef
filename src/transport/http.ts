import { METHODS } from "node:http";
import type { AddressInfo } from "node:net";
import { cors as connectCors, createContextValues, type Interceptor } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import cors from "@fastify/cors";
import { type FastifyInstance, type FastifyRequest, fastify } from "fastify";
import type { Logger } from "pino";
import { entryKey } from "../interceptors/entry.ts";
import { requestIdHeader } from "../interceptors/request-id.ts";
import { createAdmission } from "./create-admission.ts";
import { checkQuery, describeLibraryError } from "./describe-library-error.ts";
import { detailTypes } from "./detail-types.ts";
import { enter } from "./enter.ts";
import { logRefusedRequests } from "./log-refused-requests.ts";
import type { TlsFiles } from "./read-tls.ts";
import { refuseBrokenHttp, refuseBrokenUrl, refuseUnknownPath } from "./refuse-broken-http.ts";
import { createReport, reportLibraryError } from "./report-unbegun.ts";
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
  /** Those that tell of calls, for one that ends before it can begin. */
  readonly report: readonly Interceptor[];
  /** The most bytes of one message, both ways. */
  readonly maxMessageBytes: number;
  /** The origins that may call from web pages; `*` for all. */
  readonly corsOrigins: readonly string[];
  readonly tls: TlsFiles | undefined;
  /** Further doors on the same port, each in a scope of its own. */
  readonly facades: readonly Facade[];
  /** Whether calls are answered at present. */
  readonly isReady: () => Promise<boolean>;
  readonly log: Logger;
}

/** How long a request may take to arrive whole, in milliseconds. */
const requestTimeoutMs = 120_000;

/** What pages send and read beside the headers of Connect. */
const restHeaders = {
  taken: ["if-match", "if-none-match", "idempotency-key", "last-event-id"],
  given: ["etag", "retry-after", "allow"],
};

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
  const { host, routes, interceptors, maxMessageBytes, corsOrigins, tls, facades, isReady, log } = options;
  const admit = createAdmission(options.admission);
  const report = createReport(options.report);
  const server = fastify({
    bodyLimit: maxMessageBytes,
    forceCloseConnections: false,
    requestTimeout: requestTimeoutMs,
    frameworkErrors: refuseBrokenUrl,
    clientErrorHandler: refuseBrokenHttp,
    ...(tls === undefined ? {} : { https: toHttps(tls) }),
  }) as unknown as FastifyInstance;
  logRefusedRequests(server, log);
  if (corsOrigins.length > 0) await server.register(cors, corsOptions(corsOrigins));

  // Every method that can be read, so that a path can say which of them it knows.
  for (const method of METHODS) if (!server.supportedMethods.includes(method)) server.addHttpMethod(method);
  server.setNotFoundHandler(refuseUnknownPath);
  // Ahead of the body: nobody is asked who it is at a path that is not there, so nothing is read for anybody.
  server.addHook("onRequest", async (request, reply) =>
    request.is404 ? refuseUnknownPath(request, reply) : undefined,
  );
  server.get("/healthz", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const ready = await isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ok" : "unavailable" });
  });
  await server.register(fastifyConnectPlugin, {
    grpc: false, // gRPC has a port of its own, with a faster server behind it
    interceptors: [...interceptors],
    contextValues: (request: FastifyRequest) =>
      createContextValues().set(entryKey, enter(request, isGrpcWeb(request) ? "grpc-web" : "connect")),
    requestGate: async (context) => {
      describeLibraryError(context);
      reportLibraryError(context, report);
      checkQuery(context);
      await admit(context);
    },
    // setTimeout takes no more than 24 days and would fire at once; nobody waits for a day.
    maxTimeoutMs: 86_400_000,
    binaryOptions: { readUnknownFields: false },
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    jsonOptions: { ignoreUnknownFields: false, alwaysEmitImplicit: true, registry: detailTypes },
    routes: (router) => {
      for (const { method, implementation } of routes) router.rpc(method, implementation);
    },
  });
  for (const facade of facades) await server.register(async (scope) => facade(scope));
  await server.listen({ host, port: options.port });
  return { port: (server.server.address() as AddressInfo).port, stop: (graceMs) => stop(server, graceMs) };
}

function isGrpcWeb({ headers }: FastifyRequest): boolean {
  return headers["content-type"]?.startsWith("application/grpc-web") === true;
}

function toHttps({ cert, key, clientCa }: TlsFiles) {
  return {
    cert,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

/** What clients of the Model Context Protocol send with every request. */
const mcpHeaders = ["mcp-protocol-version", "mcp-method", "mcp-name"];

function corsOptions(origins: readonly string[]) {
  return {
    origin: origins.includes("*") ? "*" : [...origins],
    methods: [...connectCors.allowedMethods, "HEAD", "PUT", "PATCH", "DELETE"],
    allowedHeaders: [
      ...connectCors.allowedHeaders,
      "authorization",
      requestIdHeader,
      "traceparent",
      "tracestate",
      ...mcpHeaders,
      ...restHeaders.taken,
    ],
    exposedHeaders: [...connectCors.exposedHeaders, requestIdHeader, "www-authenticate", ...restHeaders.given],
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
