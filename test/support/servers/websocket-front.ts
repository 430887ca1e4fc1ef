import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { createWebSocketStream, WebSocketServer } from "ws";
import { type Certificate, certificateTexts } from "./certificates.ts";

/**
 * Takes WebSocket connections of one subprotocol and passes their bytes on to a port in clear: Debian's Mosquitto is
 * built without WebSockets. With a certificate it does so in TLS.
 */
export async function startWebsocketFront(options: {
  readonly port: number;
  readonly protocol: string;
  readonly certificate?: Certificate;
}): Promise<AsyncDisposable & { readonly port: number }> {
  const server =
    options.certificate === undefined ? createHttpServer() : createHttpsServer(certificateTexts(options.certificate));
  const sockets = new WebSocketServer({
    server,
    handleProtocols: (offered) => (offered.has(options.protocol) ? options.protocol : false),
  });
  sockets.on("connection", (socket) => {
    const outside = createWebSocketStream(socket).on("error", () => {});
    const inside = connect(options.port, "127.0.0.1").on("error", () => {});
    inside.once("close", () => socket.terminate()).pipe(outside);
    outside.once("close", () => inside.destroy()).pipe(inside);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
