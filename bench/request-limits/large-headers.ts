import { Agent, request } from "node:http";
import { connect } from "node:http2";
import type { Server } from "./send-requests.ts";

/** What of a header field is taken by Node with all the others. */
const bytes = 12_000;

/** Fields that somebody reads: the transports, the libraries, or Node. */
const names = [
  "accept accept-encoding accept-language authorization connection content-encoding content-length content-type cookie date expect",
  "forwarded from host idempotency-key if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive",
  "last-event-id origin pragma prefer range referer te trailer transfer-encoding upgrade user-agent vary via",
  "x-forwarded-for x-forwarded-host x-forwarded-proto x-http-method-override x-request-id x-user-agent",
  "access-control-request-headers access-control-request-method traceparent tracestate baggage",
  "connect-accept-encoding connect-content-encoding connect-protocol-version connect-timeout-ms",
  "grpc-accept-encoding grpc-encoding grpc-message-type grpc-timeout grpc-trace-bin grpc-tags-bin",
  "mcp-method mcp-name mcp-param-a mcp-protocol-version mcp-session-id",
].flatMap((line) => line.split(" "));

/** What values of some fields begin with before anybody looks at the rest; other fields are read from their first character on. */
const begins: Readonly<Record<string, readonly string[]>> = {
  accept: ["text/event-stream;q="],
  authorization: ["Bearer ", "Bearer a."],
  "content-type": ["application/json; charset=", "application/grpc+"],
  "if-match": ['"', "W/"],
  "if-none-match": ['"', "W/"],
  "idempotency-key": ['"'],
  traceparent: ["00-"],
  tracestate: ["a=1,"],
};
/** A value goes on with one of these again and again, and ends with something else. */
const parts = [
  " ",
  ",",
  ";",
  ", ",
  '"',
  '",',
  "a,",
  "a;",
  "a=",
  "a=1,",
  "a=1;",
  "=",
  "/",
  "*/*,",
  "gzip,",
  "gzip;q=0.1,",
  "0",
  "9",
  ".",
  "a.",
  "\\",
  '\\"',
  "-",
  "%",
  "%41",
  "é",
  "\t ",
  " a",
  '" ',
  "(",
  "[",
  "{",
];
const end = "!";

export interface LargeHeader {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function* largeHeaders(): Generator<LargeHeader> {
  for (const name of names)
    for (const begin of ["", ...(begins[name] ?? [])])
      for (const part of parts) {
        const value = begin + part.repeat(Math.floor((bytes - begin.length) / part.length)) + end;
        yield { name: `${name}: ${begin}${part}…`, headers: { [name]: value } };
      }
}

/** Calls that take the walk of a whole call, each with its usual headers, with one of them replaced. */
export function createHeaderSenders({ grpcPort, httpPort, token }: Server) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const bearer = { authorization: `Bearer ${token}` };
  const http1 =
    (method: string, path: string, usual: Readonly<Record<string, string>>, body: string) =>
    (headers: Readonly<Record<string, string>>): Promise<void> =>
      new Promise((resolve) => {
        try {
          const all = { ...bearer, ...usual, ...headers };
          const call = request({ agent, host: "127.0.0.1", port: httpPort, method, path, headers: all });
          call.setTimeout(500, () => call.destroy());
          call.on("response", (response) => response.resume().on("error", () => undefined));
          call.on("error", () => undefined).on("close", resolve);
          call.end(body);
        } catch {
          resolve(); // what Node does not send
        }
      });
  let session = connect(`http://127.0.0.1:${grpcPort}`).on("error", () => undefined);
  const grpc = (headers: Readonly<Record<string, string>>): Promise<void> =>
    new Promise((resolve) => {
      if (session.closed || session.destroyed)
        session = connect(`http://127.0.0.1:${grpcPort}`).on("error", () => undefined);
      const usual = { ":method": "POST", ":path": `${service}/CountConnections`, "content-type": "application/grpc" };
      try {
        const stream = session.request({ ...usual, te: "trailers", ...bearer, ...headers });
        stream.setTimeout(500, () => stream.close());
        stream.on("error", () => undefined).on("close", resolve);
        stream.resume().end(Buffer.from("00000000070a05616c696365", "hex"));
      } catch {
        resolve();
      }
    });
  const json = { "content-type": "application/json" };
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const mcp = { ...json, accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18" };
  const service = "/connectory.v1.ConnectionService";
  const frame = "\0\0\0\0\x07\n\x05alice";
  return {
    senders: {
      gRPC: grpc,
      "gRPC-Web": http1("POST", `${service}/CountConnections`, { "content-type": "application/grpc-web+proto" }, frame),
      Connect: http1("POST", `${service}/CountConnections`, json, '{"userId":"alice"}'),
      REST: http1("POST", "/v1/connections:batchCheck", json, '{"pairs":[{"userId1":"a","userId2":"b"}]}'),
      "REST query": http1("GET", "/v1/connections:count?user_id=alice", {}, ""),
      MCP: http1("POST", "/mcp", mcp, list),
      CORS: http1(
        "OPTIONS",
        "/v1/connections",
        { origin: "http://a.example", "access-control-request-method": "GET" },
        "",
      ),
    },
    close: () => {
      session.destroy();
      agent.destroy();
    },
  };
}
