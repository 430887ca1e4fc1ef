import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { createDialer } from "../../src/egress/dialer.ts";
import { createEgressPolicy } from "../../src/egress/egress-policy.ts";

/** A TCP server on 127.0.0.1 that does what a test says with every connection. */
export interface LocalServer {
  readonly port: number;
  readonly endpoint: string;
  /** Connections that are open now, as the server sees them. */
  open(): number;
  /** Connections there ever were. */
  total(): number;
  close(): Promise<void>;
}

export async function startLocalServer(serve: (socket: Socket) => void): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  let total = 0;
  const server = createServer((socket) => {
    total += 1;
    sockets.add(socket);
    // A connection counts until the other side's end or reset has arrived; nothing here ends one on its own.
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    serve(socket.resume());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    endpoint: `127.0.0.1:${port}`,
    open: () => sockets.size,
    total: () => total,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Accepts, reads and never answers. */
export const blackHole = () => startLocalServer((socket) => socket.resume());

/** Sends these bytes (a megabyte of zeros by default) over and over, as fast as they are taken. */
export function sendWithoutEnd(socket: Socket, bytes: Buffer = Buffer.alloc(1 << 20)): void {
  const more = () => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on("drain", more);
  more();
}

/** A file of test/support/certificates. */
export function pem(name: string): string {
  return readFileSync(join(import.meta.dirname, "../support/certificates", `${name}.pem`), "utf8");
}

/** Answers a TLS handshake with one of the test certificates. */
export function secure(socket: Socket, certificate: string): TLSSocket {
  const tls = new TLSSocket(socket, { isServer: true, cert: pem(certificate), key: pem(`${certificate}-key`) });
  tls.on("error", () => socket.destroy());
  return tls;
}

/** May dial this machine. */
export const localDialer = createDialer({ policy: createEgressPolicy({ allow: [], deny: [], allowLoopback: true }) });
