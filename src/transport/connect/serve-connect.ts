import type { Registry } from "@bufbuild/protobuf";
import { createContextValues, type Interceptor } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { FastifyRequest } from "fastify";
import { type Door, entryKey } from "../../interceptors/entry.ts";
import type { Admit } from "../create-admission.ts";
import { describeLibraryError } from "../describe-library-error.ts";
import { enter } from "../enter.ts";
import type { Facade } from "../http.ts";
import { refuseGrpcOverHttp1 } from "../refuse-broken-http.ts";
import { type ReportUnbegun, reportLibraryError } from "../report-unbegun.ts";
import { checkBody } from "../request-limits/check-body.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { type HeldBody, heldBodyKey, holdBody } from "../request-limits/hold-body.ts";
import type { Route } from "../routes.ts";
import { bodyOf } from "./body-of.ts";
import { fitGrpcErrors } from "./fit-grpc-errors.ts";
import { singleRequest } from "./single-request.ts";

export interface ConnectOptions {
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** The most bytes of one message, both ways. */
  readonly maxMessageBytes: number;
  /** The messages that an answer's `google.protobuf.Any` can hold. */
  readonly anyTypes: Registry;
  /** Decides before the body is read. */
  readonly admit: Admit;
  readonly report: ReportUnbegun;
}

/** Every RPC over Connect and gRPC-Web, and over gRPC where the connection is HTTP/2. */
export function serveConnect(options: ConnectOptions): Facade {
  const { routes, interceptors, maxMessageBytes, anyTypes, admit, report } = options;
  return async (scope) => {
    scope.addHook("preHandler", async (request, reply) => {
      if (protocolOf(request) === "grpc" && request.raw.httpVersionMajor < 2) return refuseGrpcOverHttp1(reply);
      request.body = holdBody(bodyOf(request.raw));
    });
    await scope.register(fastifyConnectPlugin, {
      interceptors: [fitGrpcErrors, singleRequest, ...interceptors],
      contextValues: (request: FastifyRequest) =>
        createContextValues()
          .set(entryKey, enter(request, protocolOf(request)))
          .set(heldBodyKey, request.body as HeldBody | undefined),
      requestGate: async (context) => {
        describeLibraryError(context);
        reportLibraryError(context, report);
        await admit(context);
        await checkBody(context, { maxBytes: maxRequestBytes(context.method.input, maxMessageBytes), anyTypes });
      },
      // setTimeout takes no more than 24 days and would fire at once; nobody waits for a day.
      maxTimeoutMs: 86_400_000,
      binaryOptions: { readUnknownFields: false },
      readMaxBytes: maxMessageBytes,
      writeMaxBytes: maxMessageBytes,
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
