import { ConnectError, type Interceptor } from "@connectrpc/connect";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { onCallEnd } from "../../interceptors/call/on-call-end.ts";
import { toRpcStatus } from "../../interceptors/call/rpc-status.ts";
import { truncateStatus } from "../dispatch/truncate-status.ts";

/** Shortens gRPC errors to the size of trailers that clients accept, see truncateStatus. */
export const truncateGrpcErrors: Interceptor = (next) => (request) =>
  onCallEnd(next, request, {
    mapError: (error) => {
      if (!(error instanceof ConnectError) || request.contextValues.get(originKey)?.protocol !== "grpc") return error;
      const { message, details } = truncateStatus(toRpcStatus(error));
      return Object.assign(error, {
        rawMessage: message,
        details: details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value })),
      });
    },
  });
