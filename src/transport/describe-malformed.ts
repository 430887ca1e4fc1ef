import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { toConnectError } from "../interceptors/map-errors.ts";
import { type GrpcStatus, toGrpcStatus } from "./to-grpc-status.ts";

/** INVALID_ARGUMENT for a call that cannot be read at all, and so never reaches the interceptors. */
export function malformed(message: string): GrpcStatus {
  return toGrpcStatus(toConnectError(new Failure(ErrorReason.MESSAGE_MALFORMED, message), ""));
}

/**
 * grpc-js answers INTERNAL where a caller sent a broken gzip stream or an unreadable `grpc-timeout`, and does so
 * below every handler. Those are the caller's faults: INVALID_ARGUMENT. It is the innermost call object that
 * sends them, so that one's `sendStatus` is where they can be told apart: ours carry details, its own do not.
 */
export const describeMalformed: ServerInterceptor = (_method, call) => {
  const sendStatus = call.sendStatus.bind(call);
  call.sendStatus = (sent) => {
    const libraryFault =
      sent.code === status.INTERNAL && (sent.metadata?.get("grpc-status-details-bin").length ?? 0) === 0;
    sendStatus(libraryFault ? malformed(String(sent.details)) : sent);
  };
  return new ServerInterceptingCall(call);
};
