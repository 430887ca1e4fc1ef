import { status } from "@grpc/grpc-js";

type Decompress = (message: Buffer, encoding: string) => Promise<Buffer>;

/**
 * Says when grpc-js decompresses the message of a call, which goes on when the call is over, and lets it do so once: hundreds
 * of messages fit into one frame of HTTP/2.
 */
export function watchDecompression(call: object, { began, ended }: { began: () => void; ended: () => void }): void {
  // It cannot be had from grpc-js (1.14.7) in another way.
  const decompress: unknown = Reflect.get(call, "decompressMessage");
  if (typeof decompress !== "function") throw new Error("grpc-js decompresses messages elsewhere than it did");
  let first = true;
  const once: Decompress = async (message, encoding) => {
    if (!first) throw second();
    first = false;
    began();
    try {
      return await (decompress as Decompress).call(call, message, encoding);
    } finally {
      ended();
    }
  };
  Reflect.set(call, "decompressMessage", once);
}

/** As grpc-js says it when it finds out by itself. */
function second(): Error {
  const details = "Received a second request message";
  return Object.assign(new Error(details), { code: status.UNIMPLEMENTED, details });
}
