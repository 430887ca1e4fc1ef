import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  BatchCheckConnectionsRequestSchema as Check,
  GetConnectionRequestSchema as Get,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { maxRequestBytes } from "../../../src/server/request-limits/check-request.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { frameOf } from "../../support/raw-grpc.ts";
import { postRpc } from "../mcp/post-rpc.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "debug" });
  token = await app.token();
});
afterAll(() => app.stop());

const service = "/connectory.v1.ConnectionService";
const profiles = "/connectory.v1.ConnectionProfileService";
const pairs = { field: "pairs", description: "must contain no more than 1000 item(s)" };

async function post(path: string, body: string | Uint8Array, headers: Record<string, string>) {
  const response = await fetch(`${app.httpUrl}${path}`, {
    method: "POST",
    body: body as NonNullable<RequestInit["body"]>,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

function get(path: string) {
  return fetch(`${app.httpUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
}

/** The trailers of a call over gRPC. */
function grpc(path: string, frame: Uint8Array, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const session = connectHttp2(`http://${app.grpcAddress}`);
  return new Promise<Record<string, unknown>>((resolve, reject) => {
    const sent = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request({ ...sent, authorization: `Bearer ${token}`, ...headers });
    stream.on("error", reject);
    stream.on("trailers", resolve);
    stream.on("response", (head) => head["grpc-status"] !== undefined && resolve(head));
    stream.resume().end(frame);
  }).finally(() => session.destroy());
}

/** As gRPC encodes a message in a header, wherever else it stands. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9A-F]{2})+/g, (escaped) => Buffer.from(escaped.replaceAll("%", ""), "hex").toString());
}

function framed(message: Uint8Array, flags = 0): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(frameOf(message));
  frame[0] = flags;
  return frame;
}

/** As many as come below the size that is refused unseen. */
const emptyPairs = (count: number) => Buffer.alloc(2 * count, Buffer.from([0x0a, 0]));
const inJson = (count: number) => `{"pairs":[${"{},".repeat(count - 1)}{}]}`;

describe("200 000 empty pairs are refused with the field and the limit", () => {
  const binary = emptyPairs(200_000);
  const json = inJson(150_000);
  const detailed = (text: string) =>
    expect(JSON.parse(text)).toMatchObject({ code: "invalid_argument", message: `pairs: ${pairs.description}` });

  test.each([
    ["as they are", {}, (bytes: Uint8Array) => framed(bytes)],
    ["in gzip", { "grpc-encoding": "gzip" }, (bytes: Uint8Array) => framed(gzipSync(bytes), 1)],
  ])("over gRPC, %s", async (_name, headers, frame) => {
    const trailers = await grpc(`${service}/BatchCheckConnections`, frame(binary), headers);
    expect(trailers["grpc-status"]).toBe("3");
    expect(decoded(String(trailers["grpc-message"]))).toBe(`pairs: ${pairs.description}`);
  });

  test.each([
    ["binary", { "content-type": "application/proto" }, binary],
    ["binary in gzip", { "content-type": "application/proto", "content-encoding": "gzip" }, gzipSync(binary)],
    ["JSON", { "content-type": "application/json" }, json],
    ["JSON in gzip", { "content-type": "application/json", "content-encoding": "gzip" }, gzipSync(json)],
  ])("over Connect, %s", async (_name, headers, body) => {
    const { status, text } = await post(`${service}/BatchCheckConnections`, body, headers);
    expect(status).toBe(400);
    detailed(text);
  });

  test.each(["proto", "json"])("over Connect, in the query, %s", async (encoding) => {
    const message = gzipSync(encoding === "proto" ? binary : json).toString("base64url");
    const query = new URLSearchParams({ connect: "v1", encoding, compression: "gzip", base64: "1", message });
    const answer = await get(`${service}/BatchCheckConnections?${query}`);
    expect(answer.status).toBe(400);
    detailed(await answer.text());
  });

  test.each([
    ["binary", { "content-type": "application/grpc-web+proto" }, framed(binary)],
    ["gzip", { "content-type": "application/grpc-web+proto", "grpc-encoding": "gzip" }, framed(gzipSync(binary), 1)],
    ["JSON", { "content-type": "application/grpc-web+json" }, framed(Buffer.from(json))],
  ])("over gRPC-Web, %s", async (_name, headers, body) => {
    const answer = await post(`${service}/BatchCheckConnections`, body, headers);
    const told = `${answer.text}\r\ngrpc-status: ${answer.headers.get("grpc-status")}\r\ngrpc-message: ${answer.headers.get("grpc-message")}`;
    expect(told).toMatch(/grpc-status: ?3/);
    expect(decoded(told)).toContain(`pairs: ${pairs.description}`);
  });

  test("over REST", async () => {
    const { status, text } = await post("/v1/connections:batchCheck", json, { "content-type": "application/json" });
    expect([status, JSON.parse(text)]).toMatchObject([400, { reason: "FIELD_INVALID", violations: [pairs] }]);
  });

  test("over MCP, before the tool is known", async () => {
    const params = `{"name":"batchCheckConnections","arguments":${json}}`;
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
    const { status, messages } = await postRpc(app.httpUrl, body, { token });
    expect(status).toBe(400);
    expect(messages[0].error).toMatchObject({
      code: -32_602,
      message: expect.stringMatching(/^params\.arguments\.pairs\[\d+\]: .*more than \d+ fields/),
    });
  });
});

test("a message of more bytes than the method takes is refused by its size", async () => {
  const max = maxRequestBytes(Check, 4 * 1024 * 1024);
  const trailers = await grpc(`${service}/BatchCheckConnections`, framed(emptyPairs(2_000_000)));
  expect(trailers["grpc-status"]).toBe("8");
  expect(decoded(String(trailers["grpc-message"]))).toContain(`larger than ${max} bytes`);
  const { status, text } = await post(`${service}/BatchCheckConnections`, emptyPairs(2_000_000), {
    "content-type": "application/proto",
  });
  expect([status, JSON.parse(text).message]).toEqual([429, expect.stringContaining(`larger than ${max} bytes`)]);
});

test("as many as the rules allow are read, on every protocol", async () => {
  const some = Array.from({ length: 1000 }, (_, at) => ({
    userId1: `a${at}`.padEnd(128, "x"),
    userId2: `b${at}`.padEnd(128, "x"),
  }));
  const message = create(Check, { pairs: some });
  const json = toJsonString(Check, message);
  const path = `${service}/BatchCheckConnections`;
  const answers = [
    await post(path, toBinary(Check, message), { "content-type": "application/proto" }),
    await post(path, json, { "content-type": "application/json" }),
    await post(path, framed(toBinary(Check, message)), { "content-type": "application/grpc-web+proto" }),
    await post("/v1/connections:batchCheck", json, { "content-type": "application/json" }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect((await grpc(path, framed(toBinary(Check, message))))["grpc-status"]).toBe("0");
  const call = { name: "batchCheckConnections", arguments: JSON.parse(json) };
  const { messages } = await postRpc(
    app.httpUrl,
    { jsonrpc: "2.0", id: 1, method: "tools/call", params: call },
    { token },
  );
  expect(messages[0].result.structuredContent.results).toHaveLength(1000);
});

describe("what stands in the wrong place is in no answer and in no log", () => {
  const secret = "47114711";
  const wrong = [
    [
      "a number for a text",
      `{"config":{"postgres":{"host":"h","password":${secret}}}}`,
      "config.postgres.password: must be a text",
    ],
    ["a text for a message", `{"config":{"postgres":"${secret}"}}`, "config.postgres: must be an object"],
    ["a text for a truth", `{"validateOnly":"${secret}"}`, "validateOnly: "],
    ["a text for an enum", `{"validationMode":"${secret}"}`, "validationMode: "],
    ["no JSON", `{"config":{"postgres":{"password":"${secret}`, "the body is not JSON: line 1, column "],
    ["a key twice", `{"config":{"${secret}":1,"${secret}":1}}`, ""],
  ] as const;
  const calls = ["CreateConnectionProfile", "TestConnectionProfile", "StreamConnectionProfileTest"] as const;
  const cases = calls.flatMap((rpc) => wrong.map(([name, json, said]) => [rpc, name, json, said] as const));

  test.each(cases)("%s with %s", async (rpc, name, json, said) => {
    const known = rpc === "CreateConnectionProfile" || !json.includes("valid");
    const path = `${profiles}/${rpc}`;
    const isStream = rpc.startsWith("Stream");
    const connect = isStream
      ? await post(path, framed(Buffer.from(json)), { "content-type": "application/connect+json" })
      : await post(path, json, { "content-type": "application/json" });
    const web = await post(path, framed(Buffer.from(json)), { "content-type": "application/grpc-web+json" });
    const webTold = decoded(
      `${web.text}\r\ngrpc-status: ${web.headers.get("grpc-status")}\r\n${web.headers.get("grpc-message")}`,
    );
    expect(connect.text).toContain('"code":"invalid_argument"');
    expect(webTold).toMatch(/grpc-status: ?3/);
    if (known && name !== "a key twice") for (const told of [connect.text, webTold]) expect(told).toContain(said);
    if (name !== "a key twice") expect(connect.text + webTold).not.toContain(secret);
  });

  test("and none of them is in the log", () => {
    const errors = app.logged.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50);
    expect(errors).toEqual([]);
    expect(app.logged.filter((line) => line.includes(secret))).toEqual([]);
  });
});

test("bytes that are no protobuf in a stream are the caller's fault, and no error of the log", async () => {
  const broken = framed(new Uint8Array([0xff, 0xff, 0xff]));
  const answer = await post(`${profiles}/StreamConnectionProfileTest`, broken, {
    "content-type": "application/connect+proto",
  });
  expect(answer.text).toContain('"code":"invalid_argument"');
  expect(app.logged.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)).toEqual([]);
});

test("a call whose message comes slowly, or breaks off, is as before", async () => {
  const message = toBinary(Get, create(Get, { id: "00000000-0000-4000-8000-000000000000" }));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const byte of message) {
        controller.enqueue(new Uint8Array([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      controller.close();
    },
  });
  const answer = await fetch(`${app.httpUrl}${service}/GetConnection`, {
    method: "POST",
    body,
    duplex: "half",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/proto" },
  } as RequestInit);
  expect(answer.status).toBe(404);
});
