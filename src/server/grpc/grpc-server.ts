import type { IncomingHttpHeaders } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import type { Interceptor } from "@connectrpc/connect";
import {
  type ConnectionInjector,
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { LRUCache } from "lru-cache";
import type { LoadShedder } from "../../interceptors/load-shedding/load-shedder.ts";
import type { ConnectionLimits } from "../admission/connection-limits.ts";
import { createReportRejectedCall } from "../dispatch/report-rejected-call.ts";
import type { Route } from "../dispatch/route.ts";
import { createHeaderChain } from "../dispatch/run-header-interceptors.ts";
import { type GrpcListener, listenGrpc } from "../listener/listen-grpc.ts";
import { defaultMaxHeaderBytes } from "../listener/listen-http.ts";
import type { TlsFiles } from "../listener/tls-files.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { readCallHeads } from "./call-head.ts";
import { grpcDefinition, grpcHandler } from "./grpc-handler.ts";
import { createGrpcLimits } from "./grpc-limits.ts";
import { limitHeaders } from "./limit-headers.ts";
import { limitPublicCalls } from "./limit-public-calls.ts";
import { createGrpcPreBodyAuth, type RpcPreBodyAuth } from "./pre-body-auth.ts";
import { serveReflection } from "./reflection.ts";
import { rejectQueuedCalls } from "./reject-queued-calls.ts";

/** The settings and dependencies of the gRPC server. */
export interface GrpcOptions {
  readonly host: string;
  /** The TCP port; 0 lets the system choose. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** The interceptors that authorize by the headers alone, and those that log and measure refused calls. */
  readonly preBody: readonly Interceptor[];
  /** The deciding interceptors of `preBody`. */
  readonly access: readonly Interceptor[];
  /** The interceptors that log and measure, for a call that ends before it starts. */
  readonly observe: readonly Interceptor[];
  /** The maximum size of the headers of a call in bytes. Default: 64 KiB. */
  readonly maxHeaderBytes?: number;
  /** The maximum size of a request in bytes. */
  readonly maxMessageBytes: number;
  readonly tls: TlsFiles | undefined;
  readonly connectionLimits: ConnectionLimits;
  readonly shedder: Pick<LoadShedder, "organizationOf" | "refused">;
  /** The HTTP port, for the response to an HTTP/1 client; 0 when it is not known yet. */
  readonly httpPort: number;
}

/** A running gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Sets the status of every service in the gRPC health service. Initially NOT_SERVING. */
  setServing(serving: boolean): void;
  /** Stops listening, waits for running calls for at most `drainTimeoutMs` milliseconds, then closes all connections. */
  stop(drainTimeoutMs: number): Promise<void>;
}

// grpc-js prints malformed metadata to standard error, with its value, even an `authorization` header.
setLogVerbosity(logVerbosity.NONE);

/** Serves the routes over gRPC, with the standard health and reflection services. Rejects when the port cannot be opened. */
export async function serveGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { routes, interceptors, maxMessageBytes } = options;
  const bounds = createGrpcLimits(maxMessageBytes);
  const rpcs = rpcsOf(options);
  const preBodyAuth = createGrpcPreBodyAuth({ rpcs, head: () => head(), ...bounds });
  const guard = limitPublicCalls(() => head(), bounds.open);
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": -1, // limit-response-size.ts limits responses of the routes
    // A client without activity for 5 min gets a PING; without a reply in 20 s its connection is closed.
    "grpc.keepalive_time_ms": 300_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_concurrent_streams": 1000,
    // A connection without calls gets GOAWAY after 5 min; its client opens a new one when it has a call.
    "grpc.max_connection_idle_ms": 300_000,
    // The tracing of channelz costs about a tenth of a call, and the server does not use it.
    "grpc.enable_channelz": 0,
    // A single interceptor: each further one costs every call some microseconds.
    interceptors: [(definition, call) => (rpcs.has(definition.path) ? preBodyAuth : guard)(definition, call)],
  });
  const services = Map.groupBy(routes, (route) => route.method.parent);
  for (const ofService of services.values())
    server.addService(grpcDefinition(ofService), handlers(ofService, interceptors));

  const names = ["", ...[...services.keys()].map((service) => service.typeName)];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "NOT_SERVING"])));
  health.addToServer(server);
  serveReflection(server, [...services.keys()]);

  // TLS ends in the listener.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const { shedder } = options;
  const organizationOf = ({ ":path": path = "", authorization = "" }: IncomingHttpHeaders) =>
    rpcs.has(path) ? shedder.organizationOf(authorization) : undefined;
  const head = readCallHeads(server, { organizationOf, refuse: rejectQueuedCalls(organizationOf, shedder) });
  limitHeaders(server, options.maxHeaderBytes ?? defaultMaxHeaderBytes);
  const listener = await listenGrpc({ ...options, onConnection: (socket) => injector.injectConnection(socket) });
  return {
    port: listener.port,
    setServing: (serving) => {
      for (const name of names) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    },
    stop: async (drainTimeoutMs) => {
      await stop(server, injector, listener, drainTimeoutMs);
      bounds.stop();
    },
  };
}

/** The cache of accepted callers of each RPC: entries, and their lifetime in milliseconds. */
const knownCallers = { max: 1000, ttl: 60_000 };

/** Composes the interceptors of each RPC, by path. */
function rpcsOf(options: GrpcOptions): ReadonlyMap<string, RpcPreBodyAuth> {
  const { routes, preBody, access, observe, maxMessageBytes } = options;
  const reportRejectedCall = createReportRejectedCall(observe);
  return new Map(
    routes.map(({ method }) => {
      const rpc = { service: method.parent, method };
      const [decide, refuse] = [createHeaderChain(access, rpc), createHeaderChain(preBody, rpc)];
      const maxBytes = maxRequestBytes(method.input, maxMessageBytes);
      return [
        `/${method.parent.typeName}/${method.name}`,
        {
          ...rpc,
          decide,
          refuse,
          known: new LRUCache<string, string>(knownCallers),
          maxBytes,
          report: reportRejectedCall,
        },
      ];
    }),
  );
}

function handlers(routes: readonly Route[], interceptors: readonly Interceptor[]): UntypedServiceImplementation {
  return Object.fromEntries(routes.map((route) => [route.method.name, grpcHandler(route, interceptors)]));
}

/**
 * Drains the server: `forceShutdown` does not end sessions when channelz is off (grpc-js 1.14.7), while `drain` sends GOAWAY and
 * destroys the remaining sessions after the timeout. A client that does not read can keep its socket open even then; the stop
 * does not wait for it.
 */
function stop(
  server: Server,
  injector: ConnectionInjector,
  listener: GrpcListener,
  drainTimeoutMs: number,
): Promise<void> {
  const closed = listener.close();
  injector.drain(drainTimeoutMs);
  server.tryShutdown(() => {}); // the listener knows when the last connection has ended
  return Promise.race([closed, sleep(drainTimeoutMs + 250, undefined, { ref: false })]);
}
