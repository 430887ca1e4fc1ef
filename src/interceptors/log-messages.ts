import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Interceptor, StreamResponse, UnaryResponse } from "@connectrpc/connect";
import type { Logger } from "pino";
import { redact } from "../telemetry/redact.ts";
import { requestIdKey } from "./request-id.ts";

/**
 * Logs requests and responses at level debug, without secrets (redact.ts). A refused request is logged without its texts, because
 * the invalid value may be a misplaced secret.
 */
export function logMessages(log: Logger): Interceptor {
  return (next) => async (request) => {
    const { method, contextValues } = request;
    const call = { rpc: method.name, requestId: contextValues.get(requestIdKey) };
    const logMessage = (schema: DescMessage, message: Message, kind: "request" | "answer") =>
      log.debug({ ...call, [kind]: redact(schema, message) }, kind);
    const refused = (message: Message) =>
      log.debug({ ...call, request: redact(method.input, message, { texts: false }) }, "refused request");

    const asked: Message[] = [];
    try {
      const response = await next(request.stream ? { ...request, message: kept(request.message, asked) } : request);
      if (!request.stream) asked.push(request.message);
      if (response.stream) return { ...response, message: watched(response.message) } satisfies StreamResponse;
      for (const message of asked) logMessage(method.input, message, "request");
      logMessage(method.output, response.message, "answer");
      return response satisfies UnaryResponse;
    } catch (error) {
      if (!request.stream) asked.push(request.message);
      asked.forEach(refused);
      throw error;
    }

    async function* watched<T extends Message>(answers: AsyncIterable<T>): AsyncGenerator<T> {
      let first = true;
      try {
        for await (const answer of answers) {
          if (first) for (const message of asked) logMessage(method.input, message, "request");
          first = false;
          logMessage(method.output, answer, "answer");
          yield answer;
        }
      } catch (error) {
        if (first) asked.forEach(refused);
        throw error;
      }
    }
  };
}

async function* kept<T extends Message>(messages: AsyncIterable<T>, into: Message[]): AsyncGenerator<T> {
  for await (const message of messages) {
    into.push(message);
    yield message;
  }
}
