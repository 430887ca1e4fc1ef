import { METHODS, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "@bufbuild/protobuf";
import { cors as connectCors, type Interceptor } from "@connectrpc/connect";
import cors from "@fastify/cors";
import { type FastifyInstance, fastify } from "fastify";
import type { Logger } from "pino";
import type { LoadShedder } from "../interceptors/load-shedding/load-shedder.ts";
import { requestIdHeader } from "../interceptors/request-id.ts";
import { limitArrivingRequests } from "./admission/arriving-request.ts";
import { type ConnectionLimits, createConnectionLimits } from "./admission/connection-limits.ts";
import { createHttpLimits } from "./admission/http-limits.ts";
import { createHttpRequestQueue, type Handle } from "./admission/http-request-queue.ts";
import { serveConnect } from "./connect/serve-connect.ts";
import { errorDetailRegistry } from "./dispatch/error-detail-registry.ts";
import { createReportRejectedCall } from "./dispatch/report-rejected-call.ts";
import type { Route } from "./dispatch/route.ts";
import { createPreBodyAuth } from "./dispatch/run-header-interceptors.ts";
import type { HttpPlugin } from "./http/http-plugin.ts";
import { rejectBrokenHttp, rejectBrokenUrl, rejectUnknownPath } from "./http/http-protocol-errors.ts";
import { logRejectedRequests } from "./http/log-rejected-requests.ts";
import { markLate } from "./http/request-origin.ts";
import { type HttpListener, listenHttp, socketOptions } from "./listener/listen-http.ts";
import { listenOnLocalhost } from "./listener/listen-on-localhost.ts";
import type { TlsFiles } from "./listener/tls-files.ts";

/** What the HTTP server needs. */
export interface HttpOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** Those of the interceptors that decide from the headers alone whether a call is let in. */
  readonly preBody: readonly Interceptor[];
  /** Those that tell of calls, for one that ends before it can begin. */
  readonly observe: readonly Interceptor[];
  /** The most bytes of a request. */
  readonly maxMessageBytes: number;
  readonly connectionLimits: ConnectionLimits;
  readonly shedder: Pick<LoadShedder, "organizationOf">;
  /** The origins that may call from web pages; `*` for all. */
  readonly corsOrigins: readonly string[];
  readonly tls: TlsFiles | undefined;
  /** Further protocols and pages on the same port, each a Fastify plugin in a scope of its own. */
  readonly plugins: readonly HttpPlugin[];
  /** The messages that an answer's `google.protobuf.Any` can hold; the details of errors where absent. */
  readonly anyTypes?: Registry;
  /** Whether calls are answered at present. */
  readonly checkHealth: () => Promise<string | undefined>;
  readonly log: Logger;
  /** A clock in milliseconds: how long requests wait to be begun. */
  readonly now?: (() => number) | undefined;
}

/** What pages send and read beside the headers of Connect. */
const restHeaders = {
  taken: ["if-match", "if-none-match", "idempotency-key", "last-event-id"],
  given: ["etag", "retry-after", "allow"],
};

/** A running HTTP server. */
export interface HttpServer {
  readonly port: number;
  /** Lets running calls end for at most `drainTimeoutMs`, then cuts them off. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** Serves the routes over Connect, gRPC-Web and gRPC, by HTTP/1.1 and HTTP/2, with `/healthz` (it lives) and `/readyz` (it answers calls). */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, routes, interceptors, maxMessageBytes, corsOrigins, tls, plugins, checkHealth, log } = options;
  const preBodyAuth = createPreBodyAuth(options.preBody);
  const report = createReportRejectedCall(options.observe);
  const admitConnection = createConnectionLimits(options.connectionLimits);
  const { perAddress, total } = options.connectionLimits;
  const bounds = createHttpLimits({ maxMessageBytes, sharedAddress: perAddress >= total });
  let listener: HttpListener | undefined;
  const server = fastify({
    bodyLimit: maxMessageBytes,
    forceCloseConnections: false,
    frameworkErrors: rejectBrokenUrl,
    clientErrorHandler: rejectBrokenHttp,
    serverFactory: (handle) => {
      const inTurn = createHttpRequestQueue({
        handle: handle as Handle,
        organizationOf: options.shedder.organizationOf,
        markLate,
        now: options.now,
      });
      listener ??= listenHttp({ admit: admitConnection, tls, handle: limitArrivingRequests(bounds, inTurn) });
      return listener.server as Server;
    },
  }) as unknown as FastifyInstance;
  server.addHook("onSend", async ({ raw }, reply) => {
    if (raw.httpVersionMajor === 2) reply.removeHeader("connection"); // HTTP/2 has no such thing
  });
  logRejectedRequests(server, log);
  if (corsOrigins.length > 0) await server.register(cors, corsOptions(corsOrigins));

  // Every method that can be read, so that a path can say which of them it knows.
  for (const method of METHODS) if (!server.supportedMethods.includes(method)) server.addHttpMethod(method);
  server.setNotFoundHandler(rejectUnknownPath);
  // Ahead of the body: nobody is asked who it is at a path that is not there, so nothing is read for anybody.
  server.addHook("onRequest", async (request, reply) =>
    request.is404 ? rejectUnknownPath(request, reply) : undefined,
  );
  server.get("/healthz", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const message = await checkHealth();
    return message === undefined ? { status: "ok" } : reply.code(503).send({ status: "unavailable", message });
  });
  const { anyTypes = errorDetailRegistry } = options;
  await server.register(serveConnect({ routes, interceptors, maxMessageBytes, anyTypes, preBodyAuth, report }));
  for (const plugin of plugins) await server.register(async (scope) => plugin(scope));
  await server.listen({ host, port: options.port });
  await listenOnLocalhost(server.server, host, socketOptions);
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    stop: async (drainTimeoutMs) => {
      await stop(server, listener as HttpListener, drainTimeoutMs);
      bounds.stop();
    },
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

async function stop(server: FastifyInstance, listener: HttpListener, drainTimeoutMs: number): Promise<void> {
  // A kept-alive connection falls idle when its running call ends, and would hold the stop up from there on.
  const idle = setInterval(listener.drain, 50);
  const late = setTimeout(listener.cut, drainTimeoutMs);
  await server.close();
  clearInterval(idle);
  clearTimeout(late);
}
