import type { ServerHttp2Stream } from "node:http2";
import { status } from "@grpc/grpc-js";
import type { LimitedCall } from "../admission/call-limits.ts";

type Decompress = (message: Buffer, encoding: string) => Promise<Buffer> | Buffer;

/**
 * Makes grpc-js decompress only one message of a call, and only when the request is complete and the limiter has a free slot: by
 * itself it decompresses each message on arrival, and one HTTP/2 frame holds hundreds, even for callers who never end their
 * request. Throws Error when grpc-js no longer has the method.
 */
export function delayDecompression(
  call: object,
  stream: ServerHttp2Stream,
  { inflate, inflated }: Pick<LimitedCall, "inflate" | "inflated">,
): void {
  // grpc-js (1.14.7) has no public access to it.
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
        if (!stream.aborted) inflate(resolve); // an abort also emits `end`
      });
    });
    try {
      return await decompress(message, encoding);
    } finally {
      inflated(); // only now: decompression continues after the end of the call
    }
  };
  Reflect.set(call, "decompressMessage", once);
}

/** The error that grpc-js itself reports. */
function second(): Error {
  const details = "Received a second request message";
  return Object.assign(new Error(details), { code: status.UNIMPLEMENTED, details });
}
