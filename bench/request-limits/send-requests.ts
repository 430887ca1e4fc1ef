import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { mcp_tool } from "../../gen/connectory/options/v1/mcp_tool_pb.js";
import { httpRulesOf } from "../../src/proto-schema/http/http-rule.ts";
import type { LargeRequest } from "./large-requests.ts";

export interface Server {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly token: string;
}

/** Sends a request over one protocol and resolves when it is over, whatever the answer is; undefined when it cannot be sent so. */
export type Send = (method: DescMethod, large: LargeRequest, isGzip: boolean) => (() => Promise<void>) | undefined;

/** Streams that go on, and answers that do not come, are left after so long. */
const timeoutMs = 3000;
/** What of a URL servers take. */
const longestUrl = 15_000;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

export function createSenders(server: Server): { readonly senders: Readonly<Record<string, Send>>; close(): void } {
  const sessions = new Map<number, ClientHttp2Session>();
  const sessionOf = (port: number): ClientHttp2Session => {
    const open = sessions.get(port);
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    sessions.set(port, session);
    return session;
  };
  const bearer = `Bearer ${server.token}`;

  const http2 = (port: number, path: string, headers: Record<string, string>, body: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      const own = { ":method": "POST", ":path": path, authorization: bearer, te: "trailers", ...headers };
      const stream = sessionOf(port).request(own);
      const late = setTimeout(() => stream.close(), timeoutMs);
      stream
        .on("error", () => undefined)
        .on("close", () => {
          clearTimeout(late);
          resolve();
        });
      stream.resume().end(body);
    });
  const http1 = (
    verb: string,
    path: string,
    headers: Record<string, string>,
    body: Uint8Array | string,
  ): Promise<void> =>
    new Promise((resolve) => {
      const sent = { authorization: bearer, "content-length": `${Buffer.byteLength(body)}`, ...headers };
      const call = request({ agent, host: "127.0.0.1", port: server.httpPort, method: verb, path, headers: sent });
      const late = setTimeout(() => call.destroy(), timeoutMs);
      call.on("response", (response) => response.resume().on("error", () => undefined));
      call
        .on("error", () => undefined)
        .on("close", () => {
          clearTimeout(late);
          resolve();
        });
      call.end(body);
    });

  const grpc =
    (port: number): Send =>
    (method, { binary }, isGzip) => {
      if (binary === undefined) return undefined;
      const body = framed(binary(), isGzip);
      const headers = { "content-type": "application/grpc", ...(isGzip ? { "grpc-encoding": "gzip" } : {}) };
      return () => http2(port, pathOf(method), headers, body);
    };
  const grpcWeb =
    (type: "proto" | "json"): Send =>
    (method, large, isGzip) => {
      const message = contentOf(large, type);
      if (message === undefined) return undefined;
      const headers = {
        "content-type": `application/grpc-web+${type}`,
        ...(isGzip ? { "grpc-encoding": "gzip" } : {}),
      };
      const body = framed(message, isGzip);
      return () => http1("POST", pathOf(method), headers, body);
    };
  const connectPost =
    (type: "proto" | "json"): Send =>
    (method, large, isGzip) => {
      const message = contentOf(large, type);
      if (message === undefined) return undefined;
      const isStream = method.methodKind !== "unary";
      const encoding = isStream ? "connect-content-encoding" : "content-encoding";
      const headers = {
        "content-type": `application/${isStream ? "connect+" : ""}${type}`,
        ...(isGzip ? { [encoding]: "gzip" } : {}),
      };
      const body = isStream ? framed(message, isGzip) : isGzip ? gzip(message) : message;
      return () => http1("POST", pathOf(method), headers, body);
    };
  const connectGet =
    (type: "proto" | "json"): Send =>
    (method, large, isGzip) => {
      if (!isGzip || method.methodKind !== "unary" || method.idempotency !== Idempotency.NO_SIDE_EFFECTS)
        return undefined;
      const message = contentOf(large, type);
      if (message === undefined) return undefined;
      const content = Buffer.from(gzip(message)).toString("base64url");
      if (content.length > longestUrl) return undefined;
      const query = `connect=v1&encoding=${type}&compression=gzip&base64=1&message=${content}`;
      return () => http1("GET", `${pathOf(method)}?${query}`, {}, "");
    };
  const rest: Send = (method, { json }, isGzip) => {
    const [rule] = httpRulesOf(method);
    if (rule === undefined || json === undefined) return undefined;
    const path = rule.path.replaceAll(/\{[^}]+\}/g, "x");
    const body = isGzip ? gzip(bytesOf(json)) : bytesOf(json);
    const headers = { "content-type": "application/json", ...(isGzip ? { "content-encoding": "gzip" } : {}) };
    return () => http1(rule.verb, path, headers, body);
  };
  const mcp: Send = (method, { json }, isGzip) => {
    if (isGzip || json === undefined || !hasOption(method, mcp_tool)) return undefined;
    const params = `{"name":"${getOption(method, mcp_tool).name}","arguments":${json()}}`;
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
    const accept = "application/json, text/event-stream";
    const headers = { "content-type": "application/json", accept, "mcp-protocol-version": "2025-06-18" };
    return () => http1("POST", "/mcp", headers, body);
  };
  const restQuery: Send = (method, { query }, isGzip) => {
    const [rule] = httpRulesOf(method);
    if (isGzip || rule === undefined || query === undefined) return undefined;
    const path = `${rule.path.replaceAll(/\{[^}]+\}/g, "x")}?${query().slice(0, longestUrl)}`;
    return () => http1(rule.verb, path, {}, "");
  };

  return {
    senders: {
      gRPC: grpc(server.grpcPort),
      "gRPC on the HTTP port": grpc(server.httpPort),
      "gRPC-Web": grpcWeb("proto"),
      "gRPC-Web JSON": grpcWeb("json"),
      Connect: connectPost("proto"),
      "Connect JSON": connectPost("json"),
      "Connect GET": connectGet("proto"),
      "Connect GET JSON": connectGet("json"),
      REST: rest,
      "REST query": restQuery,
      MCP: mcp,
    },
    close: () => {
      for (const session of sessions.values()) session.destroy();
      agent.destroy();
    },
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function contentOf({ binary, json }: LargeRequest, type: "proto" | "json"): Uint8Array | undefined {
  return type === "proto" ? binary?.() : json === undefined ? undefined : bytesOf(json);
}

const compressed = new WeakMap<Uint8Array, Uint8Array>();

function gzip(message: Uint8Array): Uint8Array {
  const bytes = compressed.get(message) ?? gzipSync(message, { level: 1 });
  compressed.set(message, bytes);
  return bytes;
}

const texts = new Map<() => string, Uint8Array>();

/** The bytes of the JSON that was asked for last are kept. */
function bytesOf(json: () => string): Uint8Array {
  const bytes = texts.get(json) ?? Buffer.from(json());
  texts.clear();
  texts.set(json, bytes);
  return bytes;
}

function framed(message: Uint8Array, isGzip: boolean): Uint8Array {
  const body = isGzip ? gzip(message) : message;
  const head = Buffer.alloc(5);
  head.writeUInt8(isGzip ? 1 : 0, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}
