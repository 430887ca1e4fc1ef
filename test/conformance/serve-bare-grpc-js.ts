import { type EventEmitter, once } from "node:events";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createHandlerContext, type HandlerContext } from "@connectrpc/connect";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { toRpcStatus } from "../../src/interceptors/call/rpc-status.ts";
import type { Route } from "../../src/server/dispatch/route.ts";
import type { Serve } from "./conformance-server.ts";

type UnaryCall = ServerUnaryCall<Message, Message>;
type StreamCall = ServerWritableStream<Message, Message>;

/** The routes on grpc-js as it comes: what fails here is the library's. */
export const serveBareGrpcJs: Serve = async ({ routes, tls, maxMessageBytes }) => {
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
  });
  server.addService(
    Object.fromEntries(routes.map((route) => [route.method.name, definition(route)])),
    Object.fromEntries(routes.map((route) => [route.method.name, handler(route)])),
  );
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          tls.clientCa ?? null,
          [{ cert_chain: tls.cert, private_key: tls.key }],
          tls.clientCa !== undefined,
        );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
};

function definition({ kind, method }: Route) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: kind === "server_streaming",
    requestSerialize: (message: Message) => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function handler(route: Route) {
  const { method, implementation } = route;
  const answer = (message: object) => create(method.output, { ...message });
  if (route.kind === "unary")
    return async (call: UnaryCall, callback: sendUnaryData<Message>) => {
      const context = contextOf(route, call);
      try {
        const message = await (implementation as (...of: unknown[]) => Promise<object>)(call.request, context);
        call.sendMetadata(toMetadata(context.responseHeader));
        callback(null, answer(message), toMetadata(context.responseTrailer));
      } catch (error) {
        call.sendMetadata(toMetadata(context.responseHeader));
        callback(failureOf(error, context));
      }
    };
  return async (call: StreamCall) => {
    const context = contextOf(route, call);
    try {
      const messages = (implementation as (...of: unknown[]) => AsyncIterable<object>)(call.request, context);
      let first = true;
      for await (const message of messages) {
        if (first) call.sendMetadata(toMetadata(context.responseHeader));
        first = false;
        if (!call.write(answer(message))) await once(call, "drain");
      }
      if (first) call.sendMetadata(toMetadata(context.responseHeader));
      call.end(toMetadata(context.responseTrailer));
    } catch (error) {
      call.sendMetadata(toMetadata(context.responseHeader));
      call.emit("error", failureOf(error, context));
    }
  };
}

function contextOf({ method }: Route, call: UnaryCall | StreamCall): HandlerContext {
  const requestHeader = new Headers();
  for (const name of Object.keys(call.metadata.getMap()))
    for (const value of call.metadata.get(name))
      requestHeader.append(name, typeof value === "string" ? value : value.toString("base64").replace(/=+$/, ""));
  const deadline = Number(call.getDeadline());
  const aborter = new AbortController();
  (call as EventEmitter).once("cancelled", () => aborter.abort(new ConnectError("cancelled", Code.Canceled)));
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: "https://in-process/",
    requestHeader,
    requestSignal: aborter.signal,
  });
  const timeoutMs = () => (deadline === Number.POSITIVE_INFINITY ? undefined : deadline - Date.now());
  return { ...context, timeoutMs };
}

function failureOf(error: unknown, context: HandlerContext) {
  const failure = ConnectError.from(error, Code.Internal);
  const metadata = toMetadata(context.responseTrailer);
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, toRpcStatus(failure))));
  return { code: failure.code as number, details: failure.rawMessage, metadata };
}

function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, joined] of headers)
    for (const value of joined.split(", "))
      metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  return metadata;
}
