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

export interface ListenerOptions {
  readonly admit: AdmitConnection;
  readonly tls: TlsFiles | undefined;
  readonly handle: Handle;
  readonly timeouts?: ListenerTimeouts;
}

/** One port for HTTP/1.1 and HTTP/2. */
export interface HttpListener {
  /** Not listening yet. Emits `clientError` for bytes that are no request of HTTP/1. */
  readonly server: Server;
  /** Ends connections as soon as no request runs on them. To be called again and again while there is one. */
  drain(): void;
  /** Ends all connections. */
  cut(): void;
}

const defaultTimeouts: ListenerTimeouts = { headersMs: 10_000, requestMs: 120_000, idleMs: 72_000 };

/** The headers of one request, in either version; nghttp2 itself ends a stream with more than 64 kB. */
const maxHeaderBytes = 16 * 1024;

/** For every socket that is taken in. */
export const socketOptions: ServerOpts = {
  allowHalfOpen: true, // as HTTP/1 wants it: a caller may close its half and read the answer
  noDelay: true,
  // A caller that vanished without a word is found out by TCP after a minute and a few probes.
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
};

/**
 * A listener that takes HTTP/1.1 and HTTP/2 on the same port: under TLS the caller says which by ALPN, in clear its first bytes
 * do. Both end in the same handler.
 */
export function listenHttp(options: ListenerOptions): HttpListener {
  const { admit, tls, handle, timeouts = defaultTimeouts } = options;
  const server = createListener(socketOptions);
  const http1 = serveHttp1(server, handle, timeouts);
  const http2 = serveHttp2(handle, { maxHeaderBytes, timeouts });
  const handOn = {
    http1: (socket: Socket) => void http1.emit("connection", socket),
    http2: (socket: Socket) => {
      socket.allowHalfOpen = false; // a session of HTTP/2 does not end with its caller's half, and nothing would close it
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

function serveHttp1(listener: Server, handle: Handle, timeouts: ListenerTimeouts) {
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
  server.emit("listening"); // from here on it looks after the times of the connections that it is handed
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
  server.on("tlsClientError", (_error, socket) => socket.destroy()); // a handshake that failed: there is nobody to tell
  return server;
}
