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
import { type DescribeUnknownPath, describeUnknownPaths } from "./http/describe-unknown-paths.ts";
import type { HttpPlugin } from "./http/http-plugin.ts";
import { rejectBrokenHttp, rejectBrokenUrl, rejectUnknownPaths } from "./http/http-protocol-errors.ts";
import { logRejectedRequests } from "./http/log-rejected-requests.ts";
import { markLate } from "./http/request-origin.ts";
import { type RejectMember, rejectUnknownMember } from "./json/normalize-json.ts";
import { defaultMaxHeaderBytes, type HttpListener, listenHttp, socketOptions } from "./listener/listen-http.ts";
import { listenOnLocalhost } from "./listener/listen-on-localhost.ts";
import type { TlsFiles } from "./listener/tls-files.ts";

/** The settings and dependencies of the HTTP server. */
export interface HttpOptions {
  readonly host: string;
  /** The TCP port; 0 lets the system choose. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** The interceptors that authenticate and authorize by the headers alone. */
  readonly preBody: readonly Interceptor[];
  /** The interceptors that log and measure, for a call that ends before it starts. */
  readonly observe: readonly Interceptor[];
  /** The maximum size of the headers of a request in bytes. Default: 64 KiB. */
  readonly maxHeaderBytes?: number;
  /** The maximum size of a request in bytes. */
  readonly maxMessageBytes: number;
  readonly connectionLimits: ConnectionLimits;
  readonly shedder: Pick<LoadShedder, "organizationOf">;
  /** The origins that CORS allows; `*` allows all, an empty list disables CORS. */
  readonly corsOrigins: readonly string[];
  readonly tls: TlsFiles | undefined;
  /** Further protocols and pages on the same port, each a Fastify plugin in its own scope. */
  readonly plugins: readonly HttpPlugin[];
  /** The message types that a `google.protobuf.Any` in a response may hold. Default: the error details (`errorDetailRegistry`). */
  readonly anyTypes?: Registry;
  /** Returns the error for an unknown discriminator value. Default: MESSAGE_MALFORMED. */
  readonly rejectMember?: RejectMember;
  /** Returns the sentence for a path that does not exist. Default: without the one that was probably meant. */
  readonly describeUnknownPath?: DescribeUnknownPath;
  /** Returns undefined when the service is healthy, else the message for `/readyz`. */
  readonly checkHealth: () => Promise<string | undefined>;
  readonly log: Logger;
  /** The clock of the request queue in milliseconds. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** Headers of REST that CORS allows (`taken`) and exposes (`given`) in addition to those of Connect. */
const restHeaders = {
  taken: ["if-match", "if-none-match", "idempotency-key", "last-event-id"],
  given: ["etag", "retry-after", "allow"],
};

/** A running HTTP server. */
export interface HttpServer {
  readonly port: number;
  /** Stops listening, waits for running calls for at most `drainTimeoutMs` milliseconds, then closes all connections. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/**
 * Serves the routes over Connect, gRPC-Web and gRPC, by HTTP/1.1 and HTTP/2, with `/healthz` (liveness) and `/readyz`
 * (readiness). Rejects when the port cannot be opened.
 */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { describeUnknownPath = describeUnknownPaths([]) } = options;
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
      listener ??= listenHttp({
        admit: admitConnection,
        tls,
        handle: limitArrivingRequests(bounds, inTurn),
        maxHeaderBytes: options.maxHeaderBytes ?? defaultMaxHeaderBytes,
      });
      return listener.server as Server;
    },
  }) as unknown as FastifyInstance;
  server.addHook("onSend", async ({ raw }, reply) => {
    if (raw.httpVersionMajor === 2) reply.removeHeader("connection"); // not allowed in HTTP/2 (RFC 9113, 8.2.2)
  });
  logRejectedRequests(server, log);
  if (corsOrigins.length > 0) await server.register(cors, corsOptions(corsOrigins));

  // All methods of Node's parser are routed, so that a known path can list its allowed methods.
  for (const method of METHODS) if (!server.supportedMethods.includes(method)) server.addHttpMethod(method);
  const rejectUnknownPath = rejectUnknownPaths(describeUnknownPath);
  server.setNotFoundHandler(rejectUnknownPath);
  // Before the body is read: an unknown path is rejected without authentication, and its body is not read.
  server.addHook("onRequest", async (request, reply) =>
    request.is404 ? rejectUnknownPath(request, reply) : undefined,
  );
  server.get("/healthz", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const message = await checkHealth();
    return message === undefined ? { status: "ok" } : reply.code(503).send({ status: "unavailable", message });
  });
  const { anyTypes = errorDetailRegistry, rejectMember = rejectUnknownMember } = options;
  const connect = { routes, interceptors, maxMessageBytes, anyTypes, rejectMember, preBodyAuth, report };
  await server.register(serveConnect(connect));
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

/** Headers of the Model Context Protocol (MCP) that CORS allows. */
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
  // A keep-alive connection becomes idle when its running call ends, and would then delay the stop.
  const idle = setInterval(listener.drain, 50);
  const late = setTimeout(listener.cut, drainTimeoutMs);
  await server.close();
  clearInterval(idle);
  clearTimeout(late);
}
