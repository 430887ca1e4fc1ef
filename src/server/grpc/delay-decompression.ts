import type { ServerHttp2Stream } from "node:http2";
import { status } from "@grpc/grpc-js";
import type { LimitedCall } from "../admission/call-limits.ts";

type Decompress = (message: Buffer, encoding: string) => Promise<Buffer> | Buffer;

/**
 * Lets grpc-js decompress the message of a call when the request is there whole, in its turn, and once: it would do so for each
 * message as it comes, hundreds of which fit into one frame of HTTP/2, and for callers who never end their request.
 */
export function delayDecompression(
  call: object,
  stream: ServerHttp2Stream,
  { inflate, inflated }: Pick<LimitedCall, "inflate" | "inflated">,
): void {
  // It cannot be had from grpc-js (1.14.7) in another way.
  const given: unknown = Reflect.get(call, "decompressMessage");
  if (typeof given !== "function") throw new Error("grpc-js decompresses messages elsewhere than it did");
  const decompress: Decompress = (given as Decompress).bind(call);
  let first = true;
  const once = async (message: Buffer, encoding: string) => {
    if (!first) throw second();
    first = false;
    if (encoding === "identity") return decompress(message, encoding);
    stream.resume(); // grpc-js pauses it with each message
    await new Promise<void>((resolve) => {
      stream.once("end", () => {
        if (!stream.aborted) inflate(resolve); // which ends it like one that is whole
      });
    });
    try {
      return await decompress(message, encoding);
    } finally {
      inflated(); // not before: it goes on when the call is over
    }
  };
  Reflect.set(call, "decompressMessage", once);
}

/** As grpc-js says it when it finds out by itself. */
function second(): Error {
  const details = "Received a second request message";
  return Object.assign(new Error(details), { code: status.UNIMPLEMENTED, details });
}
