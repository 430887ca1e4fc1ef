import type { Registry } from "@bufbuild/protobuf";
import { type ContextKey, createContextKey, createContextValues, type Interceptor } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Failure } from "../../failure.ts";
import { type Door, entryKey } from "../../interceptors/entry.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { requestIdKey } from "../../interceptors/request-id.ts";
import type { Admit } from "../create-admission.ts";
import { describeLibraryError, keepCallErrors } from "../describe-library-error.ts";
import { enter, entryOf } from "../enter.ts";
import { arrivingOf } from "../listener/arriving-request.ts";
import { refuseGrpcOverHttp1 } from "../refuse-broken-http.ts";
import { type ReportUnbegun, reportLibraryError } from "../report-unbegun.ts";
import { arrivingKey, checkBody } from "../request-limits/check-body.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { type HeldBody, heldBodyKey, holdBody } from "../request-limits/hold-body.ts";
import type { Route } from "../routes.ts";
import { takeTimeout, timeoutFailure } from "../timeout-failure.ts";
import { bodyOf } from "./body-of.ts";
import { fitGrpcErrors } from "./fit-grpc-errors.ts";
import { singleRequest } from "./single-request.ts";

/** What is wrong with the deadline of a request. */
const faultKey: ContextKey<Failure | undefined> = createContextKey<Failure | undefined>(undefined, {
  description: "fault of the deadline",
});

export interface ConnectOptions {
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** The most bytes of a request. */
  readonly maxMessageBytes: number;
  /** The messages that an answer's `google.protobuf.Any` can hold. */
  readonly anyTypes: Registry;
  /** Decides before the body is read. */
  readonly admit: Admit;
  readonly report: ReportUnbegun;
}

/** Every RPC over Connect and gRPC-Web, and over gRPC where the connection is HTTP/2. */
export function serveConnect(options: ConnectOptions): (scope: FastifyInstance) => Promise<void> {
  const { routes, interceptors, maxMessageBytes, anyTypes, admit, report } = options;
  return async (scope) => {
    const faults = new WeakMap<FastifyRequest, Failure>();
    scope.addHook("preHandler", async (request, reply) => {
      if (protocolOf(request) === "grpc" && request.raw.httpVersionMajor < 2) return refuseGrpcOverHttp1(reply);
      enter(request, reply, protocolOf(request));
      // connect-node (2.2.0) would wait for it for ever, and its stream with it, when a response is closed that nobody reads.
      reply.raw.once("close", () => reply.raw.emit("drain"));
      request.body = holdBody(bodyOf(request.raw), arrivingOf(request.raw)?.receive);
      const header = protocolOf(request) === "connect" ? "connect-timeout-ms" : "grpc-timeout";
      const fault = takeTimeout(request.raw.headers, header);
      if (fault !== undefined) faults.set(request, timeoutFailure(fault, header));
    });
    await scope.register(fastifyConnectPlugin, {
      interceptors: [keepCallErrors, fitGrpcErrors, singleRequest, ...interceptors],
      contextValues: (request: FastifyRequest) =>
        createContextValues()
          .set(entryKey, entryOf(request))
          .set(heldBodyKey, request.body as HeldBody | undefined)
          .set(arrivingKey, arrivingOf(request.raw))
          .set(faultKey, faults.get(request)),
      requestGate: async (context) => {
        describeLibraryError(context);
        reportLibraryError(context, report);
        await admit(context);
        const fault = context.values.get(faultKey);
        if (fault !== undefined) throw toConnectError(fault, context.values.get(requestIdKey));
        await checkBody(context, { maxBytes: maxRequestBytes(context.method.input, maxMessageBytes), anyTypes });
      },
      binaryOptions: { readUnknownFields: false },
      readMaxBytes: maxMessageBytes,
      jsonOptions: { ignoreUnknownFields: false, alwaysEmitImplicit: true, registry: anyTypes },
      routes: (router) => {
        for (const { method, implementation } of routes)
          router.rpc(method, implementation, { readMaxBytes: maxRequestBytes(method.input, maxMessageBytes) });
      },
    });
  };
}

function protocolOf({ headers }: FastifyRequest): Door {
  const type = headers["content-type"] ?? "";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  return type.startsWith("application/grpc") ? "grpc" : "connect";
}
