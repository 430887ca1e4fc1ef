import type { Interceptor, StreamResponse, UnaryResponse } from "@connectrpc/connect";

/** What an interceptor does about the end of a call. */
export interface AroundCall {
  /** Answers with what to throw in place of an error. */
  readonly failed?: (error: unknown) => unknown;
  /** Called once when the call is over, with what it threw if it did. */
  readonly over?: (error?: unknown) => void;
}

/**
 * Runs a call and tells when it is over: with its answer, or for a stream when its last message was taken, it failed
 * half-way or the caller left.
 */
export async function aroundCall(
  next: ReturnType<Interceptor>,
  request: Parameters<ReturnType<Interceptor>>[0],
  { failed = (error) => error, over = () => {} }: AroundCall,
): Promise<UnaryResponse | StreamResponse> {
  let response: UnaryResponse | StreamResponse;
  try {
    response = await next(request);
  } catch (thrown) {
    const error = failed(thrown);
    over(error);
    throw error;
  }
  if (response.stream) return { ...response, message: watched(response.message) };
  over();
  return response;

  async function* watched<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
    let error: unknown;
    try {
      yield* messages;
    } catch (thrown) {
      error = failed(thrown);
      throw error;
    } finally {
      over(error);
    }
  }
}
