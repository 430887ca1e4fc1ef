import type { DescMethod } from "@bufbuild/protobuf";
import { ConnectError, createContextValues } from "@connectrpc/connect";
import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status,
} from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import { entryKey } from "../interceptors/entry.ts";
import { toConnectError } from "../interceptors/map-errors.ts";
import { requestIdHeader, requestIdKey, requestIdOf } from "../interceptors/request-id.ts";
import type { ReportUnbegun } from "./report-unbegun.ts";
import type { Route } from "./routes.ts";
import { toGrpcStatus } from "./to-grpc-status.ts";

/** INVALID_ARGUMENT for a call that cannot be read at all, and so never reaches the interceptors. */
function malformed(message: string, requestId: string): ConnectError {
  return toConnectError(new Failure(ErrorReason.MESSAGE_MALFORMED, message), requestId);
}

/**
 * grpc-js answers INTERNAL where a caller sent a broken gzip stream or an unreadable `grpc-timeout`, and does so
 * below every handler. Those are the caller's faults: INVALID_ARGUMENT. It is the innermost call object that
 * sends them, so that one's `sendStatus` is where they can be told apart: ours carry details, its own do not. What ends a
 * call that way before its handler has begun is reported here, because nobody else sees it.
 */
export function describeMalformed(routes: readonly Route[], report: ReportUnbegun): ServerInterceptor {
  const methods = new Map(routes.map(({ method }) => [`/${method.parent.typeName}/${method.name}`, method]));
  return ({ path }, call) => {
    const sendStatus = call.sendStatus.bind(call);
    let begun = false;
    const describe = (sent: Parameters<typeof sendStatus>[0]) => {
      const byLibrary = sent.code !== status.OK && (sent.metadata?.get("grpc-status-details-bin").length ?? 0) === 0;
      if (!byLibrary || begun) return sendStatus(sent);
      const requestId = requestIdOf(null);
      const text = String(sent.details);
      const error =
        sent.code === status.INTERNAL ? malformed(text, requestId) : new ConnectError(text, sent.code as number);
      error.metadata.set(requestIdHeader, requestId);
      sendStatus(toGrpcStatus(error));
      const method = methods.get(path);
      if (method !== undefined) report(arrivalOf(call, method, requestId), error);
    };
    // Not written into the property as it is made: V8 puts such functions into the old generation at once, and each kept
    // its call alive until the next major garbage collection.
    call.sendStatus = describe;
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveHalfClose: (deliver) => {
            begun = true;
            deliver();
          },
        }),
    });
  };
}

/** Its headers are not to be had here. */
function arrivalOf(call: ServerInterceptingCallInterface, method: DescMethod, requestId: string) {
  const entry = { door: "grpc", peer: call.getConnectionInfo().remoteAddress, bytes: undefined, told: true } as const;
  return {
    service: method.parent,
    method,
    requestMethod: "POST",
    url: "",
    signal: AbortSignal.any([]),
    requestHeader: new Headers(),
    values: createContextValues().set(entryKey, entry).set(requestIdKey, requestId),
  };
}
