import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { grpcJsClient } from "../../support/clients.ts";
import { type Http2Client, openHttp2 } from "../../support/http2-client.ts";
import { rpc } from "../mcp/post-rpc.ts";

const folder = join(import.meta.dirname, "../../support/certificates");
const file = (name: string) => join(folder, `${name}.pem`);
const ca = await readFile(file("authority"));
const warnings: string[] = [];
process.on("warning", ({ message }) => warnings.push(message));

let clear: TestApp;
let secure: TestApp;
beforeAll(async () => {
  clear = await startTestApp();
  secure = await startTestApp({ TLS_CERT_FILE: file("server"), TLS_KEY_FILE: file("server-key") });
});
afterAll(() => Promise.all([clear.stop(), secure.stop()]));

/** Where a service answers, by the scheme of its address. */
const services = {
  clear: () => ({ app: clear, url: clear.httpUrl }),
  TLS: () => ({ app: secure, url: secure.httpUrl.replace("http:", "https:") }),
};

function bearer(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

describe.each(["clear", "TLS"] as const)("in %s", (scheme) => {
  let app: TestApp;
  let url: string;
  let token: string;
  let http2: Http2Client;
  beforeAll(async () => {
    ({ app, url } = services[scheme]());
    token = await app.token();
    http2 = await openHttp2(url, { ca });
  });
  afterAll(() => http2.close());

  const transports = (httpVersion: "1.1" | "2"): Record<string, Transport> => {
    const options = { baseUrl: url, httpVersion, nodeOptions: { ca }, interceptors: [bearer(token)] };
    return {
      connect: createConnectTransport(options),
      "grpc-web": createGrpcWebTransport(options),
      ...(httpVersion === "2" ? { grpc: createGrpcTransport(options) } : {}),
    };
  };
  /** The lines of calls that are in the log since. */
  const protocolsSince = (from: number) =>
    app.logged
      .slice(from)
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === "call")
      .map(({ protocol, code }) => `${protocol} ${code}`);

  test.each([
    ["1.1", "connect"],
    ["1.1", "grpc-web"],
    ["2", "connect"],
    ["2", "grpc-web"],
    ["2", "grpc"],
  ] as const)("HTTP/%s serves %s: unary calls, errors with details, streams", async (httpVersion, protocol) => {
    const from = app.logged.length;
    const client = createClient(ConnectionService, transports(httpVersion)[protocol] as Transport);
    const pair = { userId1: `a-${httpVersion}`, userId2: `b-${protocol}` };
    const { connection, revision } = await client.createConnection(pair);
    expect(connection).toMatchObject(pair);
    await expect(client.createConnection(pair)).rejects.toMatchObject({
      code: 6,
      rawMessage: expect.stringMatching(/./),
      details: expect.arrayContaining([expect.objectContaining({ type: "google.rpc.ErrorInfo" })]),
    });
    const aborter = new AbortController();
    const watch = client.watchConnections({ afterRevision: revision - 1n }, { signal: aborter.signal });
    const seen: unknown[] = [];
    await expect(async () => {
      for await (const { connection } of watch) {
        if (connection === undefined) continue;
        seen.push(connection.userId2);
        aborter.abort();
      }
    }).rejects.toThrow();
    expect(seen.slice(0, 1)).toEqual([pair.userId2]);
    await expect.poll(() => protocolsSince(from)).toContain(`${protocol} CANCELLED`);
    expect(protocolsSince(from)).toEqual([`${protocol} OK`, `${protocol} ALREADY_EXISTS`, `${protocol} CANCELLED`]);
  });

  test("HTTP/2 serves gRPC to a client of another library, errors of any size included", async () => {
    const from = app.logged.length;
    const secured = scheme === "TLS" ? credentials.createSsl(ca) : credentials.createInsecure();
    const client = grpcJsClient(
      ConnectionService,
      new URL(url).host,
      { "grpc.ssl_target_name_override": "localhost" },
      secured,
    );
    const headers = { authorization: `Bearer ${token}` };
    const { count } = await client.call(ConnectionService.method.countConnections, { userId: "nobody" }, headers);
    expect(count).toBe(0);
    await expect(client.call(ConnectionService.method.getConnection, {}, {})).rejects.toMatchObject({ code: 16 });
    client.close();
    expect(protocolsSince(from)).toEqual(["grpc OK", "grpc UNAUTHENTICATED"]);
  });

  test("HTTP/2 serves REST, its streams, MCP, pages and probes", async () => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ userId1: "rest", userId2: "two" });
    const created = await http2.request("POST /v1/connections", { headers, body });
    expect([created.status, created.text]).toEqual([201, expect.stringContaining('"userId2":"two"')]);
    const unreadable = await http2.request("POST /v1/connections", { headers, body: "{" });
    expect([unreadable.status, unreadable.text]).toEqual([400, expect.stringContaining("MESSAGE_MALFORMED")]);

    const stream = http2.open("GET /v1/connections:watch?after_revision=0", {
      ...headers,
      accept: "text/event-stream",
    });
    stream.end();
    let text = "";
    stream.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    await expect.poll(() => text).toContain("event: message");
    stream.close();

    const asked = await http2.request("POST /mcp", {
      headers: { ...headers, accept: "application/json, text/event-stream" },
      body: JSON.stringify(rpc("tools/list")),
    });
    expect([asked.status, asked.text.slice(0, 100)]).toEqual([200, expect.stringContaining("createConnection")]);
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/docs"])
      expect((await http2.request(`GET ${path}`)).status).toBe(200);
    expect((await http2.request("GET /nothing")).status).toBe(404);
    expect(http2.session.destroyed).toBe(false);
    expect(warnings.filter((warning) => /HTTP\/2|HTTP1|header/.test(warning))).toEqual([]);
  });

  test("one connection of HTTP/2 carries many watches, and other calls beside them", async () => {
    const headers = { authorization: `Bearer ${token}` };
    const watches = Array.from({ length: 20 }, () => http2.open("GET /v1/connections:watch", headers));
    for (const watch of watches) watch.end();
    const heads = await Promise.all(watches.map(async (watch) => (await once(watch, "response"))[0][":status"]));
    expect(new Set(heads)).toEqual(new Set([200]));
    expect((await http2.request("GET /v1/connections?user_id=a", { headers })).status).toBe(200);
    for (const watch of watches) watch.close();
  });

  test("gRPC in HTTP/1.1 is refused at once, with a sentence", async () => {
    const { request } = await import(scheme === "TLS" ? "node:https" : "node:http");
    const call = request(`${url}/connectory.v1.ConnectionService/GetConnection`, {
      method: "POST",
      ca,
      headers: { "content-type": "application/grpc", te: "trailers" },
    });
    call.end(Buffer.alloc(5));
    const [response] = await once(call, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    expect([response.statusCode, text]).toEqual([415, expect.stringContaining("gRPC needs HTTP/2")]);
  });
});
