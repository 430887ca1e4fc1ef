import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Running } from "../start-process.ts";

/** A server for live tests to reach. */
export interface FakeRedis extends Running {
  readonly port: number;
}

const info = "redis_version:7.2.4\r\nredis_mode:standalone\r\nrole:master\r\n";
const answers: Readonly<Record<string, string>> = {
  AUTH: "+OK\r\n",
  PING: "+PONG\r\n",
  INFO: `$${info.length}\r\n${info}\r\n`,
};

/**
 * Speaks as much RESP (Redis's protocol) as a test asks for, at once and for any password, so that what a test takes is
 * the price of the test. In the bench's own process, which is idle while the load runs.
 */
export async function startFakeRedis(): Promise<FakeRedis> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined); // a client that goes in the middle of an answer: whoever drives it notices
    // A command is far smaller than a packet, and the next one waits for its answer: no chunk ends inside of one.
    socket.on("data", (chunk) => {
      for (const [, name = ""] of chunk.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        socket.write(answers[name.toUpperCase()] ?? "-ERR unknown command\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const stop = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: address.port, stop };
}
