import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createListener, type Server, type ServerOpts, type Socket } from "node:net";
import { createServer as createTls, type TLSSocket } from "node:tls";
import type { AdmitConnection } from "../admission/connection-limits.ts";
import type { Handle } from "../admission/http-request-queue.ts";
import { drainSlowly } from "./drain-slowly.ts";
import { continueWhenRead, EarlyClosingResponse, isClosing } from "./early-closing-response.ts";
import { type ListenerTimeouts, serveHttp2 } from "./http2-sessions.ts";
import { sniffProtocol } from "./sniff-protocol.ts";
import type { TlsFiles } from "./tls-files.ts";

/** The settings of the HTTP listener. */
export interface ListenerOptions {
  readonly admit: AdmitConnection;
  readonly tls: TlsFiles | undefined;
  readonly handle: Handle;
  /** The maximum size of the headers of a request in bytes, in both versions. Default: 64 KiB. */
  readonly maxHeaderBytes?: number;
  /** Default: 10 s for headers, 120 s for a complete request, 72 s idle. */
  readonly timeouts?: ListenerTimeouts;
}

/** One port for HTTP/1.1 and HTTP/2. */
export interface HttpListener {
  /** Not listening yet. Emits `clientError` for bytes that are not an HTTP/1 request. */
  readonly server: Server;
  /** Closes idle HTTP/1 connections and sends GOAWAY on HTTP/2 sessions. Called repeatedly until all connections have ended. */
  drain(): void;
  /** Destroys all connections. */
  cut(): void;
}

const defaultTimeouts: ListenerTimeouts = { headersMs: 10_000, requestMs: 120_000, idleMs: 72_000 };

/** The default of MAX_HEADER_BYTES, and its maximum: nghttp2 ends a connection with a larger single header. */
export const defaultMaxHeaderBytes: number = 64 * 1024;

/** The options of every accepted socket. */
export const socketOptions: ServerOpts = {
  allowHalfOpen: true, // required by HTTP/1: a caller may close its writing half and read the response
  noDelay: true,
  // TCP detects a caller that vanished after a minute and a few probes.
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
};

/**
 * Creates a listener for HTTP/1.1 and HTTP/2 on one port: under TLS, ALPN selects the version; without TLS, the first bytes do.
 * Both versions use the same handler.
 */
export function listenHttp(options: ListenerOptions): HttpListener {
  const { admit, tls, handle, maxHeaderBytes = defaultMaxHeaderBytes, timeouts = defaultTimeouts } = options;
  const server = createListener(socketOptions);
  const http1 = serveHttp1(server, handle, { maxHeaderBytes, timeouts });
  const http2 = serveHttp2(handle, { maxHeaderBytes, timeouts });
  const handOn = {
    http1: (socket: Socket) => void http1.emit("connection", socket),
    http2: (socket: Socket) => {
      socket.allowHalfOpen = false; // an HTTP/2 session does not end with the caller's half, and would stay open
      http2.server.emit("connection", socket);
    },
  };
  const secure = tls === undefined ? undefined : serveTls(tls, handOn, timeouts);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    if (!admit(socket)) return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (secure === undefined) sniffProtocol(socket, timeouts.headersMs, handOn);
    else secure.emit("connection", socket);
  });
  server.once("close", () => http1.close(() => undefined));
  return {
    server,
    drain: () => {
      http1.closeIdleConnections();
      http2.drain();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serveHttp1(
  listener: Server,
  handle: Handle,
  { maxHeaderBytes, timeouts }: { readonly maxHeaderBytes: number; readonly timeouts: ListenerTimeouts },
) {
  const server = createHttp1({
    ServerResponse: EarlyClosingResponse,
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.idleMs,
    connectionsCheckingInterval: Math.min(timeouts.headersMs, 1000),
  });
  const take = (request: IncomingMessage, response: ServerResponse) => {
    if (isClosing(request.socket)) drainSlowly(request);
    else handle(request, response);
  };
  server.on("request", take);
  server.on("checkContinue", (request, response) => {
    continueWhenRead(request, response);
    take(request, response);
  });
  server.on("clientError", (error, socket) => listener.emit("clientError", error, socket));
  server.emit("listening"); // starts the check of timeouts for the connections that it receives
  return server;
}

function serveTls(
  { cert, key, clientCa }: TlsFiles,
  handOn: Parameters<typeof sniffProtocol>[2],
  { headersMs }: ListenerTimeouts,
) {
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const options = { cert, key, ...mutual, ALPNProtocols: ["h2", "http/1.1"], handshakeTimeout: headersMs };
  const server = createTls(options, (socket: TLSSocket) =>
    (socket.alpnProtocol === "h2" ? handOn.http2 : handOn.http1)(socket),
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy()); // a failed handshake: no response is possible
  return server;
}
