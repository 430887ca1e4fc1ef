import { randomUUID } from "node:crypto";
import { ConnectError, type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import { onCallEnd } from "./call/on-call-end.ts";

/** The id of the running call; it is in every answer, log line and event that the call causes. */
export const requestIdKey: ContextKey<string> = createContextKey("", { description: "request id" });

/** The header that carries the id both ways. */
export const requestIdHeader = "x-request-id";

/** Header-safe and log-safe, and short enough to store. */
const acceptable = /^[A-Za-z0-9._:-]{1,64}$/;

/** The id of a call that came with this one in its header. */
export function ensureRequestId(given: string | null): string {
  return given !== null && acceptable.test(given) ? given : randomUUID();
}

/** Takes the caller's request id when it is a fit one, else makes one, unless the protocol has; answers and errors carry it. */
export const requestId: Interceptor = (next) => async (request) => {
  const known = request.contextValues.get(requestIdKey);
  const id = known === "" ? ensureRequestId(request.header.get(requestIdHeader)) : known;
  request.contextValues.set(requestIdKey, id);
  let answering = false;
  const response = await onCallEnd(next, request, {
    mapError: (error) => {
      // A stream that fails half-way has sent its header, with the id in it.
      if (error instanceof ConnectError && !answering) error.metadata.set(requestIdHeader, id);
      return error;
    },
  });
  response.header.set(requestIdHeader, id);
  answering = true;
  return response;
};
