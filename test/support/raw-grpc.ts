import { once } from "node:events";
import { connect } from "node:http2";

/** A gRPC caller that knows of HTTP/2 alone: it costs next to nothing, so that what is measured is the server. */
export interface RawGrpc {
  /** Calls an RPC and reads the answer to its end. Resolves with `grpc-status`; undefined when the call broke off. */
  call(path: string, frame: Buffer, signal?: AbortSignal): Promise<string | undefined>;
  close(): void;
}

/** Opens a connection. `grpcAddress` is `127.0.0.1:port`. */
export async function openRawGrpc(grpcAddress: string, token: string): Promise<RawGrpc> {
  const session = connect(`http://${grpcAddress}`);
  await once(session, "connect");
  return {
    call: async (path, frame, signal) => {
      const headers = {
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        authorization: `Bearer ${token}`,
      };
      const stream = session.request(headers, signal === undefined ? {} : { signal });
      let status: string | undefined;
      stream.once("trailers", (trailers) => {
        status = String(trailers["grpc-status"]);
      });
      stream.on("error", () => undefined);
      stream.end(frame);
      stream.resume();
      await once(stream, "close").catch(() => undefined);
      return status;
    },
    close: () => session.destroy(),
  };
}

/** A message as gRPC sends it: uncompressed, with its length in front. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}
