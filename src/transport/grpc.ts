import { setTimeout as sleep } from "node:timers/promises";
import type { Interceptor } from "@connectrpc/connect";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { describeMalformed } from "./describe-malformed.ts";
import { grpcDefinition, grpcHandler } from "./grpc-handler.ts";
import type { TlsFiles } from "./read-tls.ts";
import { createReport } from "./report-unbegun.ts";
import type { Route } from "./routes.ts";
import { serveReflection } from "./serve-reflection.ts";

/** What the gRPC server needs. */
export interface GrpcOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** Those of the interceptors that tell of calls, for one that ends before it can begin. */
  readonly report: readonly Interceptor[];
  /** The most bytes of one message, both ways. */
  readonly maxMessageBytes: number;
  readonly tls: TlsFiles | undefined;
}

/** A running gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Tells health checks, for every service at once, whether calls are answered. */
  setServing(serving: boolean): void;
  /** Lets running calls end for at most `graceMs`, then cuts them off. */
  stop(graceMs: number): Promise<void>;
}

/** Serves the routes over gRPC, together with the official health and reflection services. */
export async function serveGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { host, routes, interceptors, maxMessageBytes, tls } = options;
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    // A client that says nothing for five minutes is asked; one that does not answer in 20 s has gone.
    "grpc.keepalive_time_ms": 300_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_concurrent_streams": 1000,
    // Its tracing costs about a tenth of a call, and nobody reads it here.
    "grpc.enable_channelz": 0,
    interceptors: [describeMalformed(routes, createReport(options.report))],
  });
  const services = Map.groupBy(routes, (route) => route.method.parent);
  for (const ofService of services.values())
    server.addService(grpcDefinition(ofService), handlers(ofService, interceptors));

  const names = ["", ...[...services.keys()].map((service) => service.typeName)];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "NOT_SERVING"])));
  health.addToServer(server);
  serveReflection(server, [...services.keys()]);

  const authority = host.includes(":") ? `[${host}]` : host;
  const port = await bind(server, `${authority}:${options.port}`, tls);
  return {
    port,
    setServing: (serving) => {
      for (const name of names) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
    },
    stop: (graceMs) => stop(server, `${authority}:${port}`, graceMs),
  };
}

function handlers(routes: readonly Route[], interceptors: readonly Interceptor[]): UntypedServiceImplementation {
  return Object.fromEntries(routes.map((route) => [route.method.name, grpcHandler(route, interceptors)]));
}

function bind(server: Server, address: string, tls: TlsFiles | undefined): Promise<number> {
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          tls.clientCa ?? null,
          [{ cert_chain: tls.cert, private_key: tls.key }],
          tls.clientCa !== undefined,
        );
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

/**
 * `forceShutdown` leaves sessions alone when channelz is off (grpc-js 1.14.7), `drain` does not: it asks every
 * client to go elsewhere and cuts off those that are still there after the grace. A client that does not read what it
 * was sent can keep its end of the socket open even so; nobody waits for that one.
 */
function stop(server: Server, address: string, graceMs: number): Promise<void> {
  const shutdown = new Promise<void>((resolve, reject) => {
    server.drain(address, graceMs); // first: it forgets sessions that are closing already
    server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
  });
  return Promise.race([shutdown, sleep(graceMs + 250, undefined, { ref: false })]);
}
