import { ConnectError } from "@connectrpc/connect";
import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import type { CallLimiter, LimitedCall } from "../admission/call-limits.ts";
import { timeoutFailure } from "../dispatch/request-timeout.ts";
import type { CallHead } from "./call-head.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { resetAfterStatus } from "./reset-after-status.ts";

/** Limits, by address, of the calls that need no token. */
export interface PublicCallLimits {
  /** Calls other than reflection. */
  readonly calls: CallLimiter;
  /** Reflection streams, whose responses are large. */
  readonly reflections: CallLimiter;
  /** Health watches with a complete request: they never end by themselves. */
  readonly watches: CallLimiter;
}

const watchPath = "/grpc.health.v1.Health/Watch";

/**
 * Creates the interceptor of health and reflection, which need no token: it limits their calls in number, bytes and time, and
 * rejects compression, because their requests are a few bytes.
 */
export function limitPublicCalls(
  head: () => CallHead,
  { calls, reflections, watches }: PublicCallLimits,
): ServerInterceptor {
  return ({ path, requestStream }, call) => {
    const { stream, compressed, timeout } = head();
    const caller = call.getConnectionInfo().remoteAddress ?? "";
    const bounds = path.startsWith("/grpc.reflection.") ? reflections : calls;
    let held: LimitedCall | undefined;
    let bytes = 0;
    let over = false;
    const fail = (failure: unknown) => {
      if (over) return;
      over = true;
      const requestId = ensureRequestId(null);
      const error = failure instanceof ApiError ? toConnectError(failure, requestId) : ConnectError.from(failure);
      error.metadata.set(requestIdHeader, requestId);
      if (compressed) error.metadata.set("grpc-accept-encoding", "identity");
      call.sendStatus(toGrpcStatus(error));
      resetAfterStatus(stream);
    };
    const open = (of: CallLimiter) => {
      held?.close();
      try {
        held = of.open({ caller, refuse: fail });
      } catch (error) {
        fail(error);
      }
    };
    stream.once("close", () => held?.close());
    return new ServerInterceptingCall(call, {
      // grpc-js sends "OK" as details, which are for errors.
      sendStatus: (sent, next) => next(sent.code === status.OK ? { ...sent, details: "" } : sent),
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, deliver) => {
            if (timeout !== undefined) return fail(timeoutFailure(timeout, "grpc-timeout"));
            if (compressed)
              return fail(
                new ApiError(
                  ErrorReason.CALL_NOT_SUPPORTED,
                  "grpc-encoding: health and reflection take no compression",
                ),
              );
            open(bounds);
            if (over) return;
            deliver(metadata);
            stream.on("data", (chunk: Buffer) => {
              bytes += chunk.length;
              held?.hold(bytes);
            });
          },
          onReceiveMessage: (message, deliver) => {
            bytes = 0;
            held?.hold(0);
            if (requestStream) held?.renew();
            if (!over) deliver(message);
          },
          onReceiveHalfClose: (deliver) => {
            if (path === watchPath) open(watches);
            if (!over) deliver();
          },
          onCancel: () => held?.close(),
        }),
    });
  };
}
