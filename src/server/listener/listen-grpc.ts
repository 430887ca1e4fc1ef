import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type AddressInfo, createServer, isIP, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type ConnectionLimits, createConnectionLimits } from "../admission/connection-limits.ts";
import { rejectHttp1 } from "./reject-http1.ts";
import { sniffProtocol } from "./sniff-protocol.ts";
import type { TlsFiles } from "./tls-files.ts";

/** Milliseconds for the TLS handshake and for the first bytes that identify the protocol. */
const prefaceTimeoutMs = 10_000;

/** The settings of the gRPC listener. */
export interface GrpcListenerOptions {
  readonly host: string;
  /** The TCP port; 0 lets the system choose. */
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  readonly connectionLimits: ConnectionLimits;
  /** The HTTP port, for the response to an HTTP/1 client; 0 when it is not known yet. */
  readonly httpPort: number;
  /** Receives every HTTP/2 connection. */
  readonly onConnection: (socket: Socket) => void;
}

/** A listening port. */
export interface GrpcListener {
  readonly port: number;
  /** Stops listening, closes connections whose protocol is not known yet, and resolves when all connections have ended. */
  close(): Promise<void>;
}

/**
 * Opens the gRPC port. grpc-js takes connections from this listener, because its own has no access to a connection before it is
 * HTTP/2. Rejects when no address of the host can be opened.
 */
export async function listenGrpc(options: GrpcListenerOptions): Promise<GrpcListener> {
  const { host, port, tls, connectionLimits, httpPort, onConnection } = options;
  const sniffing = new Set<Socket>();
  const explanation = `This port speaks gRPC, over HTTP/2 alone. REST, Connect, gRPC-Web and MCP are on the HTTP port${httpPort === 0 ? "" : `, ${httpPort}`} (HTTP_ADDR).\n`;
  const sniff = (socket: Socket) => {
    if (socket.destroyed) return; // over the connection limit
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

/** Listens on every address of a host name such as `localhost`; one that can be opened is enough. */
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
      ALPNProtocols: ["h2", "http/1.1"], // HTTP/1.1 gets a response that names the HTTP port
      handshakeTimeout: prefaceTimeoutMs,
      noDelay: true,
    },
    onSocket,
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy()); // a failed handshake: no response is possible
  return server;
}
