import { setTimeout as delay } from "node:timers/promises";
import { ConnectError, type Interceptor } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { isReason } from "../../src/client/error-details.ts";

const patienceMs = 60_000;

/**
 * Repeats a call that the service refused before it began, because on a busy machine it could not start in time. The service
 * asks for that (RetryInfo); a test of something else must not fail for it. The error is thrown after `patienceMs`.
 */
export const retryRefusedForLoad: Interceptor = (next) => async (request) => {
  const { methodKind } = request.method;
  if (methodKind === "bidi_streaming" || methodKind === "client_streaming") return next(request);
  const messages: unknown[] = [];
  if (request.stream) for await (const message of request.message) messages.push(message);
  const attempt = () =>
    next(request.stream ? { ...request, message: createAsyncIterable(messages as never[]) } : request);
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const refused = isReason(ConnectError.from(error), ErrorReason.QUEUE_FULL);
      if (!refused || request.signal.aborted || performance.now() > end) throw error;
      await delay(500);
    }
  }
};
