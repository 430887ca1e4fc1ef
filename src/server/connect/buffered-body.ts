import { type ContextKey, createContextKey } from "@connectrpc/connect";
import { ApiError } from "../../errors/api-error.ts";
import type { ArrivingRequest } from "../admission/arriving-request.ts";

/**
 * The body of a request to Connect's handlers, which decode it on receipt. Code can read it before they do; they get the same
 * bytes afterwards.
 */
export interface BufferedBody extends AsyncIterable<Uint8Array> {
  /**
   * Returns the complete body; undefined when it is longer than `maxBytes` or cannot be read, an error that Connect then meets
   * and reports itself. Rejects with the ApiError of an exceeded limit.
   */
  read(maxBytes: number): Promise<Uint8Array | undefined>;
  /** Replaces a body that `read` has returned. */
  replace(body: Uint8Array): void;
}

export const bufferedBodyKey: ContextKey<BufferedBody | undefined> = createContextKey<BufferedBody | undefined>(
  undefined,
  {
    description: "held body",
  },
);

/** Creates a buffered body. `receive` waits for a part of it. Default: no limits. */
export function bufferBody(
  source: AsyncIterable<Uint8Array>,
  receive: ArrivingRequest["receive"] = (part) => part,
): BufferedBody {
  const chunks = source[Symbol.asyncIterator]();
  const held: IteratorResult<Uint8Array>[] = [];
  let failure: { readonly error: unknown } | undefined;

  return {
    read: async (maxBytes) => {
      let length = 0;
      while (length <= maxBytes) {
        try {
          const next = await receive(chunks.next());
          held.push(next);
          if (next.done === true)
            return Buffer.concat(held.flatMap(({ done, value }) => (done === true ? [] : [value])));
          length += next.value.length;
        } catch (error) {
          if (error instanceof ApiError) throw error;
          failure = { error };
          return undefined;
        }
      }
      return undefined;
    },
    replace: (body) => {
      held.splice(0, held.length, { done: false, value: body }, { done: true, value: undefined });
    },
    async *[Symbol.asyncIterator]() {
      try {
        // Before the received chunks: Connect would decompress the part of a truncated message.
        if (failure !== undefined) throw failure.error;
        for (const { done, value } of held) {
          if (done === true) return;
          yield value as Uint8Array;
        }
        for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
      } finally {
        // An early end of the iteration releases the source: other code may drain it.
        await chunks.return?.();
      }
    },
  };
}
