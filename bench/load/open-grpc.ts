import type { Caller } from "./caller.ts";
import { createEncoder } from "./encode-request.ts";
import { decodeHeaders } from "./hpack.ts";
import { methodPath } from "./method-path.ts";
import { type Answer, openHttp2 } from "./open-http2.ts";
import type { Target } from "./target.ts";

/** Connections that the callers are spread over, as a handful of client processes would. */
const connectionCount = 4;
/** Compressed flag and length before each gRPC message. */
const prefix = 5;

/** A gRPC client for one unary method. */
export async function openGrpc(target: Target): Promise<Caller> {
  const headers: [string, string][] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", methodPath(target.method)],
    [":authority", `127.0.0.1:${target.port}`],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ];
  if (target.token !== undefined) headers.push(["authorization", `Bearer ${target.token}`]);
  const count = Math.min(connectionCount, target.callers);
  const connections = await Promise.all(Array.from({ length: count }, () => openHttp2(target.port, headers)));
  const encode = createEncoder(target);
  const check = createCheck();
  return {
    async call(caller) {
      const connection = connections[caller % count];
      if (connection !== undefined) check(await connection.ask(withPrefix(encode())));
    },
    async close() {
      for (const connection of connections) connection.close();
    },
  };
}

function withPrefix(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(prefix + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  message.copy(bytes, prefix);
  return bytes;
}

/** Throws what the server said unless it was a message and status 0. Trailers that were good once need no second reading. */
function createCheck(): (answer: Answer) => void {
  let good: Buffer | undefined;
  return ({ trailers, bytes }) => {
    if (good?.equals(trailers) !== true) {
      const read = decodeHeaders(trailers);
      const status = read.get("grpc-status");
      if (status !== "0")
        throw new Error(`grpc-status ${status}: ${decodeURIComponent(read.get("grpc-message") ?? "")}`);
      good = trailers;
    }
    if (bytes <= prefix) throw new Error("grpc-status 0 without a message");
  };
}
