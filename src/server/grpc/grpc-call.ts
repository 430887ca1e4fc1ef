import type { EventEmitter } from "node:events";
import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { ServerUnaryCall, StatusObject } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { originKey } from "../../interceptors/call/call-origin.ts";
import type { IncomingCall } from "../dispatch/call-context.ts";
import { checkRequestBytes } from "../request-limits/check-request.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { headersOf, toMetadata } from "./metadata.ts";

/** A unary or server-streaming call. */
type Call = EventEmitter &
  Pick<ServerUnaryCall<Buffer, Buffer>, "request" | "metadata" | "getDeadline" | "getPeer" | "sendMetadata">;

/**
 * Converts a call of grpc-js for the interceptors and the handler. Call `markFinished` before the response is sent. `reset` ends
 * a stream whose client does not read.
 */
export function openGrpcCall(
  call: Call,
  input: DescMessage,
  reset?: () => void,
): {
  incoming: IncomingCall & Required<Pick<IncomingCall, "responseHeader" | "responseTrailer">>;
  markFinished: () => void;
} {
  const aborter = new AbortController();
  // Emitted when the caller cancels, its connection breaks, or its deadline passes.
  const abort = () => aborter.abort(whyGone(call));
  call.once("cancelled", abort);
  const peer = addressOf(call.getPeer());
  const origin = { protocol: "grpc", peer, bytes: call.request.length, logged: false, reset } as const;
  return {
    incoming: {
      decode: () => decode(input, call.request),
      header: headersOf(call.metadata),
      signal: aborter.signal,
      timeoutMs: () => timeLeft(call),
      values: createContextValues().set(originKey, origin),
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
    },
    // Every call ends with that event, also one that is not cancelled.
    markFinished: () => call.off("cancelled", abort),
  };
}

/** Removes the port of an address. */
function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(":"));
}

/**
 * Decodes a request without unknown fields: no code reads them, and millions fit into a message, at a few bytes each. Throws
 * ApiError MESSAGE_MALFORMED, or an error of `checkRequestBytes`.
 */
function decode(schema: DescMessage, bytes: Uint8Array): Message {
  checkRequestBytes(schema, bytes);
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch {
    // The error message of protobuf would quote the bytes.
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the bytes are not a message of this method's request type");
  }
}

/** Milliseconds. A client cancels at its own deadline, and its RST_STREAM may arrive shortly before the server's deadline. */
const deadlineSlackMs = 50;

function whyGone(call: Call): ConnectError {
  const left = timeLeft(call);
  return left !== undefined && left <= deadlineSlackMs
    ? new ConnectError("the deadline passed", Code.DeadlineExceeded)
    : new ConnectError("the caller cancelled", Code.Canceled);
}

function timeLeft(call: Call): number | undefined {
  const deadline = call.getDeadline();
  return deadline === Number.POSITIVE_INFINITY ? undefined : Number(deadline) - Date.now();
}

/** Converts an error to a status of grpc-js with the trailers of the handler. */
export function toStatusObject(error: unknown, trailer: Headers): StatusObject {
  return toGrpcStatus(ConnectError.from(error, Code.Internal), trailer) as StatusObject;
}

/** Sends the response headers when there are any; grpc-js sends empty ones by itself. */
export function sendHeader(call: Call, header: Headers): void {
  if (!header.keys().next().done) call.sendMetadata(toMetadata(header));
}
