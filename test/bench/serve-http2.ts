import { once } from "node:events";
import { createServer, type ServerHttp2Stream, type Settings } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

/** A server of node:http2 that answers as a test says. */
export interface Http2Server {
  readonly port: number;
  /** How many requests came. */
  readonly requests: () => number;
  /** The largest number of streams that were open at the same time. */
  readonly maxStreams: () => number;
  /** The sockets that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** How many connections were ever opened. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Starts it on 127.0.0.1. `answer` gets each stream when its request is there whole, and which request it is, from 1 on. */
export async function serveHttp2(
  answer: (stream: ServerHttp2Stream, turn: number) => void,
  settings: Settings = {},
): Promise<Http2Server> {
  const server = createServer({ settings });
  const sockets = new Set<Socket>();
  const streams = new Set<ServerHttp2Stream>();
  let [connections, requests, maxStreams] = [0, 0, 0];
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream: ServerHttp2Stream) => {
    streams.add(stream);
    maxStreams = Math.max(maxStreams, streams.size);
    stream.on("close", () => streams.delete(stream));
    stream.on("error", () => undefined);
    stream.on("end", () => answer(stream, ++requests));
    stream.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    maxStreams: () => maxStreams,
    sockets,
    connections: () => connections,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Answers a gRPC call: a message of `bytes` and these trailers, or trailers alone where `bytes` is 0. */
export function answerGrpc(stream: ServerHttp2Stream, bytes: number, trailers: Record<string, string>): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  if (bytes === 0) {
    stream.end();
    return;
  }
  const message = Buffer.alloc(5 + bytes);
  message.writeUInt32BE(bytes, 1);
  stream.end(message);
}
