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
export async function startWebsocketFront(o: {
  readonly port: number;
  readonly protocol: string;
  readonly certificate?: Certificate;
}): Promise<AsyncDisposable & { readonly port: number }> {
  const server = o.certificate === undefined ? createHttpServer() : createHttpsServer(certificateTexts(o.certificate));
  const sockets = new WebSocketServer({
    server,
    handleProtocols: (offered) => (offered.has(o.protocol) ? o.protocol : false),
  });
  sockets.on("connection", (socket) => {
    const outside = createWebSocketStream(socket).on("error", () => {});
    const inside = connect(o.port, "127.0.0.1").on("error", () => {});
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
