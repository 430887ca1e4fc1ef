import { Code, ConnectError, type Interceptor, type StreamRequest } from "@connectrpc/connect";
import { createTokenCache, type Token } from "./token-cache.ts";

export type { Token } from "./token-cache.ts";

/**
 * Sends the bearer token with each call. When the server rejects it as UNAUTHENTICATED and the token function returns another
 * one, the call is sent once more. That is safe for every call, because a call with a rejected token is not executed.
 */
export function sendToken(token: Token): Interceptor {
  const held = createTokenCache(token);
  return (next) => async (request) => {
    const send: typeof next = request.stream ? sendStream(next, await collect(request)) : next;
    const first = await held.take();
    request.header.set("authorization", `Bearer ${first}`);
    try {
      return await send(request);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unauthenticated) throw error;
      const second = await held.replace(first);
      if (second === first) throw error;
      request.header.set("authorization", `Bearer ${second}`);
      return await send(request);
    }
  };
}

type Send = ReturnType<Interceptor>;

/**
 * The rejection of a stream arrives in place of its first message, so the first message is awaited. The request messages are
 * buffered, and can be sent again.
 */
function sendStream(next: Send, messages: readonly object[]): Send {
  return async (request) => {
    const response = await next({ ...(request as StreamRequest), message: iterate(messages) as never });
    if (!response.stream) return response;
    const answers = response.message[Symbol.asyncIterator]();
    const first = await answers.next();
    return { ...response, message: resume(first, answers) };
  };
}

async function collect({ message }: StreamRequest): Promise<readonly object[]> {
  const messages: object[] = [];
  for await (const one of message) messages.push(one);
  return messages;
}

async function* iterate<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function* resume<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  for (let result = first; result.done !== true; result = await rest.next()) yield result.value;
}
