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
import type { TlsFiles } from "../listener/tls-files.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { readCallHeads } from "./call-head.ts";
import { grpcDefinition, grpcHandler } from "./grpc-handler.ts";
import { createGrpcLimits } from "./grpc-limits.ts";
import { limitPublicCalls } from "./limit-public-calls.ts";
import { createGrpcPreBodyAuth, type RpcPreBodyAuth } from "./pre-body-auth.ts";
import { serveReflection } from "./reflection.ts";
import { rejectQueuedCalls } from "./reject-queued-calls.ts";

/** What the gRPC server needs. */
export interface GrpcOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** Those that decide from the headers alone whether a call is let in, and tell of those that are not. */
  readonly preBody: readonly Interceptor[];
  /** Those of `admission` that decide. */
  readonly access: readonly Interceptor[];
  /** Those of the interceptors that tell of calls, for one that ends before it can begin. */
  readonly observe: readonly Interceptor[];
  /** The most bytes of a request. */
  readonly maxMessageBytes: number;
  readonly tls: TlsFiles | undefined;
  readonly connectionLimits: ConnectionLimits;
  readonly shedder: Pick<LoadShedder, "organizationOf" | "refused">;
  /** Where HTTP is served, for those who speak it here; 0 when that is not known yet. */
  readonly httpPort: number;
}

/** A running gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Tells health checks, for every service at once, whether calls are answered. */
  setServing(serving: boolean): void;
  /** Lets running calls end for at most `drainTimeoutMs`, then cuts them off. */
  stop(drainTimeoutMs: number): Promise<void>;
}

// grpc-js prints metadata that it cannot read to standard error, with its value: a broken `authorization` header too.
setLogVerbosity(logVerbosity.NONE);

/** Serves the routes over gRPC, together with the official health and reflection services. */
export async function serveGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { routes, interceptors, maxMessageBytes } = options;
  const bounds = createGrpcLimits(maxMessageBytes);
  const rpcs = rpcsOf(options);
  const preBodyAuth = createGrpcPreBodyAuth({ rpcs, head: () => head(), ...bounds });
  const guard = limitPublicCalls(() => head(), bounds.open);
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": -1, // limit-response-size.ts refuses those of our services
    // A client that says nothing for five minutes is asked; one that does not answer in 20 s has gone.
    "grpc.keepalive_time_ms": 300_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_concurrent_streams": 1000,
    // A connection without a call is asked to close; its client makes a new one when it has a call.
    "grpc.max_connection_idle_ms": 300_000,
    // Its tracing costs about a tenth of a call, and nobody reads it here.
    "grpc.enable_channelz": 0,
    // One of them: each more in a row costs every call some microseconds.
    interceptors: [(definition, call) => (rpcs.has(definition.path) ? preBodyAuth : guard)(definition, call)],
  });
  const services = Map.groupBy(routes, (route) => route.method.parent);
  for (const ofService of services.values())
    server.addService(grpcDefinition(ofService), handlers(ofService, interceptors));

  const names = ["", ...[...services.keys()].map((service) => service.typeName)];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "NOT_SERVING"])));
  health.addToServer(server);
  serveReflection(server, [...services.keys()]);

  // The listener has done TLS.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const { shedder } = options;
  const organizationOf = ({ ":path": path = "", authorization = "" }: IncomingHttpHeaders) =>
    rpcs.has(path) ? shedder.organizationOf(authorization) : undefined;
  const head = readCallHeads(server, { organizationOf, refuse: rejectQueuedCalls(organizationOf, shedder) });
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

/** How many are remembered for each RPC, and for how many milliseconds. */
const knownCallers = { max: 1000, ttl: 60_000 };

/** By path, composed once. */
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
 * `forceShutdown` leaves sessions alone when channelz is off (grpc-js 1.14.7), `drain` does not: it asks every
 * client to go elsewhere and cuts off those that are still there after the grace. A client that does not read what it
 * was sent can keep its end of the socket open even so; nobody waits for that one.
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
