import type { Registry } from "@bufbuild/protobuf";
import { type ContextKey, createContextKey, createContextValues, type Interceptor } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ApiError } from "../../errors/api-error.ts";
import { type CallProtocol, originKey } from "../../interceptors/call/call-origin.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { requestIdKey } from "../../interceptors/request-id.ts";
import { arrivingRequestOf } from "../admission/arriving-request.ts";
import { type ReportRejectedCall, reportProtocolError } from "../dispatch/report-rejected-call.ts";
import { takeRequestTimeout, timeoutFailure } from "../dispatch/request-timeout.ts";
import type { Route } from "../dispatch/route.ts";
import type { PreBodyAuth } from "../dispatch/run-header-interceptors.ts";
import { rejectGrpcOverHttp1 } from "../http/http-protocol-errors.ts";
import { recordOrigin, requestOriginOf } from "../http/request-origin.ts";
import type { RejectMember } from "../json/normalize-json.ts";
import { maxRequestBytes } from "../request-limits/check-request.ts";
import { type BufferedBody, bufferBody, bufferedBodyKey } from "./buffered-body.ts";
import { arrivingKey, checkBody } from "./check-body.ts";
import { completeProtocolError, keepCallErrors } from "./connect-protocol-errors.ts";
import { hiddenLengthKey, hideLength, useJsonMessage } from "./json-message.ts";
import { keepUnbuffered } from "./keep-unbuffered.ts";
import { rejectNoCall } from "./reject-no-call.ts";
import { readRequestBody } from "./request-body.ts";
import { singleRequest } from "./single-request.ts";
import { truncateGrpcErrors } from "./truncate-grpc-errors.ts";

/** The error for the deadline of a request; undefined for a valid one. */
const faultKey: ContextKey<ApiError | undefined> = createContextKey<ApiError | undefined>(undefined, {
  description: "fault of the deadline",
});

/** The settings and dependencies of the Connect routes. */
export interface ConnectOptions {
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  /** The maximum size of a request in bytes. */
  readonly maxMessageBytes: number;
  /** The message types that a `google.protobuf.Any` may hold. */
  readonly anyTypes: Registry;
  readonly rejectMember: RejectMember;
  /** Authorizes a call before its body is read. */
  readonly preBodyAuth: PreBodyAuth;
  readonly report: ReportRejectedCall;
}

/** Serves every RPC over Connect and gRPC-Web, and over gRPC on HTTP/2. */
export function serveConnect(options: ConnectOptions): (scope: FastifyInstance) => Promise<void> {
  const { routes, interceptors, maxMessageBytes, anyTypes, rejectMember, preBodyAuth, report } = options;
  return async (scope) => {
    const faults = new WeakMap<FastifyRequest, ApiError>();
    const byPath = new Map(routes.map(({ method }) => [`/${method.parent.typeName}/${method.name}`, method]));
    scope.addHook("onRequest", async (request, reply) => {
      const method = byPath.get(request.routeOptions.url ?? "");
      return method === undefined ? undefined : rejectNoCall(method, request, reply);
    });
    scope.addHook("preHandler", async (request, reply) => {
      if (protocolOf(request) === "grpc" && request.raw.httpVersionMajor < 2) return rejectGrpcOverHttp1(reply);
      recordOrigin(request, reply, protocolOf(request));
      // connect-node (2.2.0) waits for `drain` without limit, and keeps its stream, when an unread response is closed.
      reply.raw.once("close", () => reply.raw.emit("drain"));
      request.body = bufferBody(readRequestBody(request.raw), arrivingRequestOf(request.raw)?.receive);
      const header = protocolOf(request) === "connect" ? "connect-timeout-ms" : "grpc-timeout";
      const fault = takeRequestTimeout(request.raw.headers, header);
      if (fault !== undefined) faults.set(request, timeoutFailure(fault, header));
    });
    await scope.register(fastifyConnectPlugin, {
      interceptors: [
        keepUnbuffered,
        keepCallErrors,
        truncateGrpcErrors,
        singleRequest,
        useJsonMessage,
        ...interceptors,
      ],
      contextValues: (request: FastifyRequest) =>
        createContextValues()
          .set(originKey, requestOriginOf(request))
          .set(bufferedBodyKey, request.body as BufferedBody | undefined)
          .set(arrivingKey, arrivingRequestOf(request.raw))
          .set(faultKey, faults.get(request))
          .set(hiddenLengthKey, hideLength(request.raw)),
      requestGate: async (context) => {
        completeProtocolError(context);
        reportProtocolError(context, report);
        await preBodyAuth(context);
        const fault = context.values.get(faultKey);
        if (fault !== undefined) throw toConnectError(fault, context.values.get(requestIdKey));
        const maxBytes = maxRequestBytes(context.method.input, maxMessageBytes);
        await checkBody(context, { maxBytes, anyTypes, rejectMember });
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

function protocolOf({ headers }: FastifyRequest): CallProtocol {
  const type = headers["content-type"] ?? "";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  return type.startsWith("application/grpc") ? "grpc" : "connect";
}
