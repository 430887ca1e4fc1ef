import { ConnectError, createContextValues } from "@connectrpc/connect";
import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import type { LRUCache } from "lru-cache";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { shedKey } from "../../interceptors/load-shedding/load-shedder.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader, requestIdKey } from "../../interceptors/request-id.ts";
import type { CallLimiter, LimitedCall } from "../admission/call-limits.ts";
import { compressionUnnamed } from "../connect/translate-read-error.ts";
import { timeoutFailure } from "../dispatch/request-timeout.ts";
import { keepStream } from "../dispatch/reset-stream.ts";
import type { CallHeaders, HeaderChain } from "../dispatch/run-header-interceptors.ts";
import type { CallHead } from "./call-head.ts";
import { delayDecompression } from "./delay-decompression.ts";
import { translateProtocolStatus } from "./grpc-protocol-errors.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { limitMessage } from "./limit-message.ts";
import { headersOf } from "./metadata.ts";
import { resetAfterStatus } from "./reset-after-status.ts";

/** The authorization of the calls of one RPC before the message is read. */
export interface RpcPreBodyAuth extends Pick<CallHeaders, "service" | "method"> {
  /** Rejects for a caller without access. */
  readonly decide: HeaderChain;
  /** Does the same, and logs and measures it; rejects with the ConnectError for the caller. */
  readonly refuse: HeaderChain;
  /**
   * The organization of each recently accepted `authorization`: such a call is read at once. The call itself verifies its token
   * again, so this cache only decides about reading.
   */
  readonly known: LRUCache<string, string>;
  /** The maximum size of a message in bytes, compressed and decompressed. */
  readonly maxBytes: number;
  /** Logs and measures a call that ended before it started. */
  readonly report: (arrival: CallHeaders, error: ConnectError) => void;
}

/** The RPCs and the limits of the interceptor. */
export interface GrpcPreBodyAuthOptions {
  /** By path, `/package.Service/Method`. */
  readonly rpcs: ReadonlyMap<string, RpcPreBodyAuth>;
  /** Returns the head of the call that starts now. */
  readonly head: () => CallHead;
  /** Calls during authentication, by address. */
  readonly authenticating: CallLimiter;
  /** Authenticated calls with an incomplete request, by organization. */
  readonly halfOpen: CallLimiter;
}

const never = new AbortController().signal;

/**
 * Creates the interceptor that authorizes a call by its metadata, before a byte of its message is read: grpc-js decompresses
 * before any handler. It also explains and reports calls that grpc-js itself refuses before a handler starts, because no other
 * code sees them.
 */
export function createGrpcPreBodyAuth(admission: GrpcPreBodyAuthOptions): ServerInterceptor {
  const { rpcs, authenticating, halfOpen } = admission;
  return ({ path }, call) => {
    const rpc = rpcs.get(path);
    if (rpc === undefined) throw new Error(`${path} is no RPC of ours`);
    const { stream, compressed, readable, timeout } = admission.head();
    const peer = call.getConnectionInfo().remoteAddress;
    const sendStatus = call.sendStatus.bind(call);
    let header: Headers | undefined;
    let held: LimitedCall | undefined;
    let bytes = 0;
    let received = false;
    let begun = false;
    let over = false;

    const arrival = (): CallHeaders & Required<Pick<CallHeaders, "values">> => {
      const origin = { protocol: "grpc", peer, bytes: bytes === 0 ? undefined : bytes, logged: false } as const;
      return {
        service: rpc.service,
        method: rpc.method,
        requestMethod: "POST",
        url: "",
        signal: never,
        requestHeader: header ?? new Headers(),
        values: createContextValues().set(originKey, { ...origin }),
      };
    };
    const end = (error: ConnectError) => {
      if (over) return;
      over = true;
      held?.close();
      sendStatus(toGrpcStatus(error));
      resetAfterStatus(stream);
    };
    const reportRejected = (failure: ApiError | ConnectError, shed = false): ConnectError => {
      const requestId = ensureRequestId(header?.get(requestIdHeader) ?? null);
      const error = failure instanceof ApiError ? toConnectError(failure, requestId) : failure;
      error.metadata.set(requestIdHeader, requestId);
      if (!readable) error.metadata.set("grpc-accept-encoding", "identity,deflate,gzip");
      const of = arrival();
      of.values.set(requestIdKey, requestId).set(shedKey, shed);
      rpc.report(of, error);
      return error;
    };
    const fail = (failure: ApiError | ConnectError, shed = false) => {
      if (!over) end(reportRejected(failure, shed));
    };
    const describe = (sent: Parameters<typeof sendStatus>[0]) => {
      const described = sent.code === status.OK || (sent.metadata?.get("grpc-status-details-bin").length ?? 0) > 0;
      // grpc-js sends "OK" as details, which are for errors.
      if (sent.code === status.OK) sent.details = "";
      if (begun || described) sendStatus(sent);
      else if (stream.aborted) fail(gone());
      else fail(translateProtocolStatus(sent, { cutOff: bytes > 0 && !received, maxBytes: rpc.maxBytes }));
    };
    // Assigned in a second step: V8 puts a function that is created in a property assignment into the old generation at once,
    // where each kept its call alive until the next major garbage collection.
    call.sendStatus = describe;

    const read = (caller: string, deliver: () => void) => {
      try {
        held = halfOpen.open({ caller, refuse: fail });
      } catch (error) {
        return fail(error instanceof ApiError ? error : ConnectError.from(error));
      }
      stream.on("data", (chunk: Buffer) => {
        // grpc-js would read such a message as uncompressed.
        if (bytes === 0 && chunk[0] === 1 && !compressed) fail(compressionUnnamed());
        bytes += chunk.length;
        if (!received) held?.hold(bytes);
      });
      limitMessage(call, rpc.maxBytes);
      if (compressed) delayDecompression(call, stream, held);
      deliver();
    };
    const authenticateHeaders = async (metadata: Metadata, deliver: () => void) => {
      header = headersOf(metadata);
      const of = arrival();
      try {
        held = authenticating.open({ caller: peer ?? "", refuse: fail });
        await rpc.decide(of);
      } catch (decided) {
        if (over) return;
        if (held === undefined) return fail(decided instanceof ApiError ? decided : ConnectError.from(decided));
        if (decided instanceof ApiError && of.values.get(shedKey)) return fail(decided, true);
        const refused = await rpc.refuse(arrival()).catch((error: unknown) => ConnectError.from(error));
        if (refused !== undefined) return end(refused);
      } finally {
        held?.close();
      }
      if (over) return;
      const { organizationId } = of.values.get(principalKey);
      const authorization = header.get("authorization");
      if (authorization !== null) rpc.known.set(authorization, organizationId);
      read(organizationId, deliver);
    };

    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, deliver) => {
            header = headersOf(metadata);
            if (rpc.method.methodKind !== "unary") keepStream(metadata, stream);
            if (timeout !== undefined) return fail(timeoutFailure(timeout, "grpc-timeout"));
            if (!readable) return end(reportRejected(encodingUnknown()));
            const organizationId = rpc.known.get(header.get("authorization") ?? "");
            if (organizationId === undefined) void authenticateHeaders(metadata, () => deliver(metadata));
            else read(organizationId, () => deliver(metadata));
          },
          onReceiveMessage: (message, deliver) => {
            received = true;
            held?.hold((message as Buffer).length);
            if (!over) deliver(message);
          },
          onReceiveHalfClose: (deliver) => {
            held?.close();
            begun = received;
            if (!over) deliver();
          },
          onCancel: () => {
            held?.close();
            if (over || begun) return;
            over = true;
            reportRejected(gone());
          },
        }),
    });
  };
}

function encodingUnknown(): ApiError {
  return new ApiError(
    ErrorReason.CALL_NOT_SUPPORTED,
    "grpc-encoding: the message can be compressed with gzip or deflate, or not at all",
  );
}

function gone(): ApiError {
  return new ApiError(ErrorReason.CANCELLED, "the caller went away before its message was here");
}
