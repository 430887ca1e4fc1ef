import type { Interceptor, StreamResponse, UnaryResponse } from "@connectrpc/connect";

/** What an interceptor does about the end of a call. */
export interface CallEndHooks {
  /** Answers with what to throw in place of an error. */
  readonly mapError?: (error: unknown) => unknown;
  /** Called once when the call is over, with what it threw if it did. */
  readonly onEnd?: (error?: unknown) => void;
}

/**
 * Runs a call and tells when it is over: with its answer, or for a stream when its last message was taken, it failed
 * half-way or the caller left.
 */
export async function onCallEnd(
  next: ReturnType<Interceptor>,
  request: Parameters<ReturnType<Interceptor>>[0],
  { mapError = (error) => error, onEnd = () => {} }: CallEndHooks,
): Promise<UnaryResponse | StreamResponse> {
  let response: UnaryResponse | StreamResponse;
  try {
    response = await next(request);
  } catch (thrown) {
    const error = mapError(thrown);
    onEnd(error);
    throw error;
  }
  if (response.stream) return { ...response, message: watched(response.message) };
  onEnd();
  return response;

  async function* watched<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
    let error: unknown;
    try {
      yield* messages;
    } catch (thrown) {
      error = mapError(thrown);
      throw error;
    } finally {
      onEnd(error);
    }
  }
}
