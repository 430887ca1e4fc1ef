import { once } from "node:events";
import { toBinary } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { handleServerStreamingCall, handleUnaryCall, ServiceDefinition } from "@grpc/grpc-js";
import { createInvokeStream } from "../dispatch/invoke-stream.ts";
import { createInvokeUnary } from "../dispatch/invoke-unary.ts";
import { resetCall } from "../dispatch/reset-stream.ts";
import type { Route } from "../dispatch/route.ts";
import { openGrpcCall, sendHeader, toStatusObject } from "./grpc-call.ts";
import { toMetadata } from "./metadata.ts";

const asIs = (bytes: Buffer) => bytes;

/** Returns the methods of a service in the form of grpc-js. Messages stay bytes; the handler decodes them. */
export function grpcDefinition(routes: readonly Route[]): ServiceDefinition {
  return Object.fromEntries(
    routes.map(({ kind, method }) => [
      method.name,
      {
        path: `/${method.parent.typeName}/${method.name}`,
        requestStream: false,
        responseStream: kind === "server_streaming",
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
}

/** Returns the handler of an RPC, which decodes, runs the interceptors and encodes. */
export function grpcHandler(
  route: Route,
  interceptors: readonly Interceptor[],
): handleUnaryCall<Buffer, Buffer> | handleServerStreamingCall<Buffer, Buffer> {
  return route.kind === "unary" ? unaryHandler(route, interceptors) : streamHandler(route, interceptors);
}

function unaryHandler(
  { method, implementation }: Extract<Route, { kind: "unary" }>,
  interceptors: readonly Interceptor[],
): handleUnaryCall<Buffer, Buffer> {
  const invoke = createInvokeUnary(method, implementation, interceptors);
  return (call, callback) => {
    const { incoming, markFinished } = openGrpcCall(call, method.input);
    invoke(incoming)
      .then((outcome) => {
        markFinished();
        const bytes = Buffer.from(toBinary(method.output, outcome.message));
        sendHeader(call, outcome.header);
        callback(null, bytes, toMetadata(outcome.trailer));
      })
      .catch((error: unknown) => {
        sendHeader(call, incoming.responseHeader);
        callback(toStatusObject(error, incoming.responseTrailer));
      });
  };
}

function streamHandler(
  { method, implementation }: Extract<Route, { kind: "server_streaming" }>,
  interceptors: readonly Interceptor[],
): handleServerStreamingCall<Buffer, Buffer> {
  const invoke = createInvokeStream(method, implementation, interceptors);
  return (call) => {
    const { incoming, markFinished } = openGrpcCall(call, method.input, () => resetCall(call.metadata));
    const send = async () => {
      const outcome = await invoke(incoming);
      let begun = false;
      // A slow reader slows the handler down; a disconnected caller ends it.
      for await (const message of outcome.message) {
        // Not earlier: a streaming handler runs, and sets headers, when its first message is requested.
        if (!begun) sendHeader(call, outcome.header);
        begun = true;
        if (!call.write(Buffer.from(toBinary(method.output, message))))
          await once(call, "drain", { signal: incoming.signal });
      }
      if (!begun) sendHeader(call, outcome.header);
      markFinished();
      call.end(toMetadata(outcome.trailer));
    };
    send().catch((error: unknown) => {
      sendHeader(call, incoming.responseHeader);
      call.emit("error", toStatusObject(error, incoming.responseTrailer));
    });
  };
}
