import { createHash } from "node:crypto";
import { WebSocketServer } from "ws";
import { type HttpServer, startHttpServer } from "../http-server.ts";

/** A server of the ws library behind Node's HTTP: what it does is said by the path. */
export interface WebSockets extends HttpServer {
  /** The code that each connection ended with. */
  readonly closes: number[];
  /** Messages that clients have sent. */
  readonly messages: string[];
}

export interface WebSocketsOptions {
  /** The `Authorization` that `/private` takes. */
  readonly authorization?: string;
  /** The `Authorization` that `/private` knows and does not let in. */
  readonly outsider?: string;
}

/** RFC 6455, 4.2.2. */
function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** `/deaf` opens and then answers nothing, not even the end. */
export async function startWebsockets({ authorization, outsider }: WebSocketsOptions = {}): Promise<WebSockets> {
  const closes: number[] = [];
  const messages: string[] = [];
  const http = await startHttpServer((_, response) => response.end("hello"));
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has("v2.json") ? "v2.json" : false),
  });
  http.server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => {}).once("end", () => socket.end());
    socket.resume();
    http.requests.push(`UPGRADE ${request.url}`);
    http.headers.push(request.headers);
    const refuse = (status: string) =>
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    const given = request.headers.authorization;
    const url = request.url ?? "";
    if (url === "/private" && given === outsider && outsider !== undefined) return void refuse("403 Forbidden");
    if (url === "/private" && given !== authorization) return void refuse("401 Unauthorized");
    if (/^\/\d+/.test(url)) return void refuse(`${url.slice(1)} Status\r\nlocation: ws://169.254.169.254/`);
    if (url === "/wrong-accept" || url === "/deaf") {
      const accept = acceptOf(url === "/deaf" ? (request.headers["sec-websocket-key"] ?? "") : "another");
      const head = "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade";
      return void socket.write(`${head}\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on("error", () => {});
      client.on("close", (code) => closes.push(code));
      client.on("message", (data) => messages.push(String(data)));
      if (url === "/flood") client.send(Buffer.alloc(8 * 1024 * 1024));
    });
  });
  return {
    ...http,
    url: http.url.replace("http", "ws"),
    closes,
    messages,
    close: async () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await http.close();
    },
  };
}
