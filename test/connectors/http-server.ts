import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pem } from "./local-server.ts";

/** A real HTTP server of Node on 127.0.0.1 that answers what a test says. */
export interface HttpServer {
  readonly server: Server;
  readonly port: number;
  /** `http://127.0.0.1:port`, with TLS `https://localhost:port`. */
  readonly url: string;
  /** `METHOD path` of every request so far. */
  readonly requests: string[];
  /** The headers of each of them. */
  readonly headers: IncomingMessage["headers"][];
  /** Connections that are open now. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

export async function startHttpServer(answer: RequestListener, { secured = false } = {}): Promise<HttpServer> {
  const requests: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    answer(request, response);
  };
  const server = secured
    ? createHttpsServer({ cert: pem("server"), key: pem("server-key") }, listener)
    : createHttpServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: secured ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    headers,
    connections: () => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      return promise;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Answers with a status and JSON. */
export function json(status: number, body: unknown): RequestListener {
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
}
