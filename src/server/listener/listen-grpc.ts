import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type AddressInfo, createServer, isIP, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type ConnectionLimits, createConnectionLimits } from "../admission/connection-limits.ts";
import { rejectHttp1 } from "./reject-http1.ts";
import { sniffProtocol } from "./sniff-protocol.ts";
import type { TlsFiles } from "./tls-files.ts";

/** How long a client may take to say what it speaks, in milliseconds. */
const prefaceTimeoutMs = 10_000;

export interface GrpcListenerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  readonly connectionLimits: ConnectionLimits;
  /** Where HTTP is served, for those who speak it here; 0 when that is not known yet. */
  readonly httpPort: number;
  /** Gets every connection that speaks HTTP/2. */
  readonly onConnection: (socket: Socket) => void;
}

/** A listening port. */
export interface GrpcListener {
  readonly port: number;
  /** Takes no more connections, closes those that have not said yet what they speak, and resolves when all have ended. */
  close(): Promise<void>;
}

/**
 * The gRPC port's own listener: grpc-js takes connections from it, because in its own nothing can be said about a
 * connection before it is one of HTTP/2.
 */
export async function listenGrpc(options: GrpcListenerOptions): Promise<GrpcListener> {
  const { host, port, tls, connectionLimits, httpPort, onConnection } = options;
  const sniffing = new Set<Socket>();
  const explanation = `This port speaks gRPC, over HTTP/2 alone. REST, Connect, gRPC-Web and MCP are on the HTTP port${httpPort === 0 ? "" : `, ${httpPort}`} (HTTP_ADDR).\n`;
  const sniff = (socket: Socket) => {
    if (socket.destroyed) return; // beyond the limits
    sniffing.add(socket);
    const done = () => void sniffing.delete(socket);
    socket.once("close", done);
    sniffProtocol(socket, prefaceTimeoutMs, {
      http1: () => rejectHttp1(socket, explanation),
      http2: () => {
        socket.off("close", done);
        done();
        onConnection(socket);
      },
    });
  };
  const open = () => (tls === undefined ? createServer({ noDelay: true }, sniff) : openTls(tls, sniff));
  const servers = await listenEverywhere(host, port, open);
  const admit = createConnectionLimits(connectionLimits);
  for (const server of servers) server.prependListener("connection", (socket: Socket) => void admit(socket));
  return {
    port: portOf(servers[0]),
    close: async () => {
      const closed = servers.map((server) => once(server.close(), "close"));
      for (const socket of sniffing) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** A name such as `localhost` can stand for several addresses; one that can be had is enough. */
async function listenEverywhere(host: string, port: number, open: () => Server): Promise<[Server, ...Server[]]> {
  const addresses = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host];
  const servers: Server[] = [];
  let failed: unknown;
  for (const address of addresses) {
    const server = open();
    const [first] = servers;
    try {
      server.listen({ host: address, port: first === undefined ? port : portOf(first) });
      await once(server, "listening");
      servers.push(server);
    } catch (error) {
      failed ??= error;
    }
  }
  const [first, ...others] = servers;
  if (first === undefined) throw failed;
  return [first, ...others];
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function openTls({ cert, key, clientCa }: TlsFiles, onSocket: (socket: Socket) => void): Server {
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer(
    {
      cert,
      key,
      ...clients,
      ALPNProtocols: ["h2", "http/1.1"], // the second is told where to go
      handshakeTimeout: prefaceTimeoutMs,
      noDelay: true,
    },
    onSocket,
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy()); // a handshake that failed: there is nobody to tell
  return server;
}
