import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import type { CallLimiter, LimitedCall } from "./call-limits.ts";
import { networkOf } from "./connection-limits.ts";
import type { HttpRequestLimits } from "./http-limits.ts";
import type { Handle } from "./http-request-queue.ts";

/** A request whose body has not arrived completely, for the code that reads the body. */
export interface ArrivingRequest {
  /** Counts the request against the organization from now on. Throws ApiError when a limit is exceeded, now or before. */
  admit(organizationId: string): void;
  /** Waits for a part of the body or for all of it. Rejects, as soon as a limit is exceeded, with the ApiError for the caller. */
  receive<T>(part: Promise<T>): Promise<T>;
  /**
   * Runs `decompress` when the limiter allows it, for a completely received body of `bytes` bytes. Rejects with an ApiError when
   * a limit is exceeded (QUEUE_FULL, DEADLINE_EXCEEDED) or the caller disconnects (CANCELLED).
   */
  inflate<T>(bytes: number, decompress: () => Promise<T>): Promise<T>;
}

type Bounds = Pick<HttpRequestLimits, "byAddress" | "byOrganization">;

const arriving = new WeakMap<object, ArrivingRequest>();

/** Returns the entry of Node's request; undefined for a request without a body. */
export function arrivingRequestOf(request: object): ArrivingRequest | undefined {
  return arriving.get(request);
}

/**
 * Limits number, bytes and time of requests whose body is incomplete: a caller may open any number and end none. The code that
 * reads the body reports an exceeded limit in the form of its protocol; later bytes are dropped.
 */
export function limitArrivingRequests(bounds: Bounds, handle: Handle): Handle {
  return (request, response) => {
    if (hasBody(request)) arriving.set(request, arrive(bounds, request, response));
    handle(request, response);
  };
}

/** Returns whether there is a message to read: in the body, or compressed in the query, whose parameter may be percent-encoded. */
function hasBody(request: Parameters<Handle>[0]): boolean {
  const { headers, url = "" } = request;
  if ("stream" in request ? !request.stream.endAfterHeaders : headers["transfer-encoding"] !== undefined) return true;
  return Number(headers["content-length"] ?? 0) > 0 || url.includes("compression=") || url.includes("%");
}

function arrive(
  { byAddress, byOrganization }: Bounds,
  request: Parameters<Handle>[0],
  response: Parameters<Handle>[1],
): ArrivingRequest {
  let failure: ApiError | undefined;
  let rejectReceive: ((failure: ApiError) => void) | undefined;
  let refusal: Promise<never> | undefined;
  let length = 0;
  let over = false;
  let organization = "";
  const counted: LimitedCall[] = [];

  const end = () => {
    over = true;
    for (const call of counted) call.close();
  };
  const refuse = (of: ApiError) => {
    if (failure !== undefined) return;
    failure = of;
    end();
    rejectReceive?.(of);
  };
  const count = (bounds: CallLimiter, caller: string) => {
    const call = bounds.open({ caller, refuse });
    counted.push(call);
    call.hold(length);
  };
  try {
    count(byAddress, networkOf(request.socket.remoteAddress ?? ""));
  } catch (error) {
    failure = error as ApiError;
  }
  const push = request.push.bind(request);
  const pushCounted = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    if (chunk === null) end();
    else if (!over) {
      length += chunk.length;
      for (const call of counted) call.hold(length);
    }
    return failure === undefined || chunk === null ? push(chunk, encoding) : true;
  };
  request.push = pushCounted;
  response.once("close", end);
  response.once("finish", end);

  return {
    admit: (organizationId) => {
      organization = organizationId;
      if (failure === undefined && !over) count(byOrganization, organizationId);
      if (failure !== undefined) throw failure;
    },
    receive: (part) => {
      refusal ??= new Promise((_, reject) => {
        rejectReceive = reject;
        if (failure !== undefined) reject(failure);
      });
      return Promise.race([part, refusal]);
    },
    inflate: (bytes, decompress) =>
      new Promise((resolve, reject) => {
        const call = byOrganization.open({ caller: organization, refuse: reject });
        const left = () => {
          call.close();
          reject(new ApiError(ErrorReason.CANCELLED, "the caller went away before its message was read"));
        };
        response.once("close", left);
        call.hold(bytes);
        call.inflate(() => {
          const inflated = () => {
            response.off("close", left);
            call.inflated();
            call.close();
          };
          decompress().finally(inflated).then(resolve, reject);
        });
      }),
  };
}
