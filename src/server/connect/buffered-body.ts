import { type ContextKey, createContextKey } from "@connectrpc/connect";
import { ApiError } from "../../errors/api-error.ts";
import type { ArrivingRequest } from "../admission/arriving-request.ts";

/**
 * The body of a request to Connect's handlers, which decode it as soon as they have it. Here it can be read, and looked
 * at, before they do; they get the same bytes afterwards.
 */
export interface BufferedBody extends AsyncIterable<Uint8Array> {
  /**
   * The whole body; undefined when it has more bytes, or could not be read: Connect will meet the same, and say so. Rejects with
   * the ApiError of a bound that is passed.
   */
  read(maxBytes: number): Promise<Uint8Array | undefined>;
}

export const bufferedBodyKey: ContextKey<BufferedBody | undefined> = createContextKey<BufferedBody | undefined>(
  undefined,
  {
    description: "held body",
  },
);

/** `receive` waits for a part of it. */
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
    async *[Symbol.asyncIterator]() {
      try {
        // Ahead of what there is: of a message that broke off Connect would decompress what came.
        if (failure !== undefined) throw failure.error;
        for (const { done, value } of held) {
          if (done === true) return;
          yield value as Uint8Array;
        }
        for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
      } finally {
        // Who stops half-way lets go of the source: others may want to drain it.
        await chunks.return?.();
      }
    },
  };
}
