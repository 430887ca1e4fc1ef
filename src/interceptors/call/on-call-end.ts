import type { Interceptor, StreamResponse, UnaryResponse } from "@connectrpc/connect";

/** The hooks of an interceptor at the end of a call. */
export interface CallEndHooks {
  /** Returns the error to throw in place of the given one. Default: the same error. */
  readonly mapError?: (error: unknown) => unknown;
  /** Called once at the end of the call, with the mapped error if it failed. Default: none. */
  readonly onEnd?: (error?: unknown) => void;
}

/**
 * Runs a call and calls the hooks at its end: at the response, or for a stream after its last message, an error or a disconnect
 * of the caller. Returns the response; throws the mapped error.
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
