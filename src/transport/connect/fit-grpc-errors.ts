import { ConnectError, type Interceptor } from "@connectrpc/connect";
import { aroundCall } from "../../interceptors/around-call.ts";
import { entryKey } from "../../interceptors/entry.ts";
import { toStatus } from "../../interceptors/to-status.ts";
import { fitStatus } from "../fit-status.ts";

/** Errors of gRPC travel in trailers, of which clients take no more than fitStatus leaves. */
export const fitGrpcErrors: Interceptor = (next) => (request) =>
  aroundCall(next, request, {
    failed: (error) => {
      if (!(error instanceof ConnectError) || request.contextValues.get(entryKey)?.door !== "grpc") return error;
      const { message, details } = fitStatus(toStatus(error));
      return Object.assign(error, {
        rawMessage: message,
        details: details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value })),
      });
    },
  });
