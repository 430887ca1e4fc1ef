import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import {
  type handleUnaryCall,
  Metadata,
  type ServerUnaryCall,
  type ServiceDefinition,
  type StatusObject,
} from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { createInvoke } from "./invoke.ts";
import type { Route } from "./routes.ts";
import { toGrpcStatus } from "./to-grpc-status.ts";

const asIs = (bytes: Buffer) => bytes;

/** The methods of one service as grpc-js wants them. Messages stay bytes there: decoding is the handler's. */
export function grpcDefinition(routes: readonly Route[]): ServiceDefinition {
  return Object.fromEntries(
    routes.map(({ method }) => [
      method.name,
      {
        path: `/${method.parent.typeName}/${method.name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
}

/**
 * The handler of one RPC: bytes in, the call through the interceptors, bytes out. The signal aborts when the caller
 * cancels, its connection breaks or its deadline passes.
 */
export function grpcHandler(
  { method, implementation }: Route,
  interceptors: readonly Interceptor[],
): handleUnaryCall<Buffer, Buffer> {
  const invoke = createInvoke(method, implementation, interceptors, "grpc");
  return (call, callback) => {
    const aborter = new AbortController();
    const abort = () => aborter.abort(whyGone(call));
    call.once("cancelled", abort);
    invoke({
      decode: () => decode(method.input, call.request),
      header: toHeaders(call.metadata),
      signal: aborter.signal,
      timeoutMs: () => timeLeft(call),
    })
      .then((outcome) => {
        call.off("cancelled", abort); // every call ends with that event; an answered one was not cancelled
        const bytes = Buffer.from(toBinary(method.output, outcome.message));
        if (hasAny(outcome.header)) call.sendMetadata(toMetadata(outcome.header));
        callback(null, bytes, toMetadata(outcome.trailer));
      })
      .catch((error: unknown) => callback(toGrpcStatus(ConnectError.from(error, Code.Internal)) as StatusObject));
  };
}

/** Unknown fields are not kept: nobody asks for them, and millions fit into a message of a few bytes each. */
function decode(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch {
    // protobuf's own message would quote the bytes
    throw new Failure(ErrorReason.MESSAGE_MALFORMED, "the bytes are not a message of this method's request type");
  }
}

function whyGone(call: ServerUnaryCall<Buffer, Buffer>): ConnectError {
  const left = timeLeft(call);
  return left !== undefined && left <= 0
    ? new ConnectError("the deadline passed", Code.DeadlineExceeded)
    : new ConnectError("the caller cancelled", Code.Canceled);
}

function timeLeft(call: ServerUnaryCall<Buffer, Buffer>): number | undefined {
  const deadline = call.getDeadline();
  return deadline === Number.POSITIVE_INFINITY ? undefined : Number(deadline) - Date.now();
}

/** Binary metadata is for gRPC's own use: no interceptor here reads any. */
function toHeaders(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(metadata.getMap()))
    if (typeof value === "string") headers.set(name, value);
  return headers;
}

function hasAny(headers: Headers): boolean {
  for (const _ of headers) return true;
  return false;
}

function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of headers) metadata.set(name, value);
  return metadata;
}
