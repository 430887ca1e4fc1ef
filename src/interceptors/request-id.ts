import { randomUUID } from "node:crypto";
import { ConnectError, type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { onCallEnd } from "./call/on-call-end.ts";

/** The id of the running call, which every response, log line and event of the call has. */
export const requestIdKey: ContextKey<string> = createContextKey("", { description: "request id" });

/** The header of the id in requests and responses. */
export const requestIdHeader = "x-request-id";

/** The accepted ids: safe in headers and logs, and short enough to store. */
const acceptable = /^[A-Za-z0-9._:-]{1,64}$/;

/** Returns the id from the header when it is acceptable, else a new UUID. */
export function ensureRequestId(given: string | null): string {
  return given !== null && acceptable.test(given) ? given : randomUUID();
}

/**
 * Sets the request id: the one that the protocol has set, else the caller's when it is acceptable, else a new UUID. Responses and
 * errors have it in their headers.
 */
export const requestId: Interceptor = (next) => async (request) => {
  const known = request.contextValues.get(requestIdKey);
  const id = known === "" ? ensureRequestId(request.header.get(requestIdHeader)) : known;
  request.contextValues.set(requestIdKey, id);
  let answering = false;
  const response = await onCallEnd(next, request, {
    mapError: (error) => {
      // A stream that fails after its first message has already sent the header with the id.
      if (error instanceof ConnectError && !answering) error.metadata.set(requestIdHeader, id);
      return error;
    },
  });
  response.header.set(requestIdHeader, id);
  answering = true;
  return response;
};
