import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ConnectionService,
  ListConnectionsRequestSchema,
  WatchConnectionsRequestSchema,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema, RequestInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type Http2Client, openHttp2 } from "../../support/http2-client.ts";

const maxMessageBytes = 100_000;

let app: TestApp;
let token: string;
let http2: Http2Client;
beforeAll(async () => {
  app = await startTestApp({ MAX_MESSAGE_BYTES: String(maxMessageBytes) });
  token = await app.token();
  http2 = await openHttp2(app.httpUrl);
});
afterAll(async () => {
  http2.close();
  await app.stop();
});

const unary = `/${ConnectionService.typeName}/ListConnections`;
const stream = `/${ConnectionService.typeName}/WatchConnections`;
const good = {
  [unary]: Buffer.from(toBinary(ListConnectionsRequestSchema, create(ListConnectionsRequestSchema, { userId: "a" }))),
  [stream]: Buffer.from(
    toBinary(WatchConnectionsRequestSchema, create(WatchConnectionsRequestSchema, { userId: "a" })),
  ),
};

/** Each protocol with envelopes, and by which header it names a compression. */
const ways = [
  { name: "Connect, stream", path: stream, type: "application/connect+proto", encoding: "connect-content-encoding" },
  { name: "gRPC-Web, unary", path: unary, type: "application/grpc-web+proto", encoding: "grpc-encoding" },
  { name: "gRPC-Web, stream", path: stream, type: "application/grpc-web+proto", encoding: "grpc-encoding" },
  { name: "gRPC in HTTP/2, unary", path: unary, type: "application/grpc", encoding: "grpc-encoding" },
  { name: "gRPC in HTTP/2, stream", path: stream, type: "application/grpc", encoding: "grpc-encoding" },
];

function envelope(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

interface Ended {
  readonly code: string;
  readonly reason: string | undefined;
  readonly requestId: string | undefined;
}

const codes = { 13: "INTERNAL", 3: "INVALID_ARGUMENT", 8: "RESOURCE_EXHAUSTED", 12: "UNIMPLEMENTED" } as Record<
  number,
  string
>;

/** How a call ended by what its protocol says of that: trailers in a frame, trailers, or an error in JSON. */
async function send(path: string, type: string, body: Uint8Array, headers: Record<string, string>): Promise<Ended> {
  const all = { "content-type": type, authorization: `Bearer ${token}`, te: "trailers", ...headers };
  if (type === "application/grpc") {
    const call = http2.open(`POST ${path}`, all);
    const ended: Record<string, unknown> = {};
    call.on("response", (head) => Object.assign(ended, head));
    call.on("trailers", (tail) => Object.assign(ended, tail));
    call.resume().end(body);
    await new Promise((resolve) => call.once("close", resolve));
    return ofStatus(Number(ended["grpc-status"]), String(ended["grpc-status-details-bin"]));
  }
  const { te: _, ...sent } = all;
  const response = await fetch(app.httpUrl + path, { method: "POST", headers: sent, body: new Uint8Array(body) });
  const text = await response.text();
  if (type.startsWith("application/grpc-web")) {
    const field = (name: string) => response.headers.get(name) ?? new RegExp(`${name}: *(.*)\r`).exec(text)?.[1];
    return ofStatus(Number(field("grpc-status")), String(field("grpc-status-details-bin")));
  }
  const json = JSON.parse(text.slice(text.indexOf("{")));
  const { code, details } = json.error ?? json;
  const debug = (kind: string) => details?.find(({ type }: { type: string }) => type === kind)?.debug;
  return {
    code: String(code).toUpperCase(),
    reason: debug("google.rpc.ErrorInfo")?.reason,
    requestId: debug("google.rpc.RequestInfo")?.requestId,
  };
}

function ofStatus(code: number, details: string): Ended {
  const status = fromBinary(StatusSchema, Buffer.from(details, "base64"));
  const [info] = status.details.flatMap((any) => anyUnpack(any, ErrorInfoSchema) ?? []);
  const [request] = status.details.flatMap((any) => anyUnpack(any, RequestInfoSchema) ?? []);
  return { code: codes[code] ?? String(code), reason: info?.reason, requestId: request?.requestId };
}

const malformed = ["INVALID_ARGUMENT", "MESSAGE_MALFORMED"] as const;
const notSupported = ["UNIMPLEMENTED", "CALL_NOT_SUPPORTED"] as const;
const compressionUnnamed = ["INTERNAL", "COMPRESSION_UNNAMED"] as const;
const tooLarge = ["RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"] as const;
type Broken = [
  what: string,
  body: (message: Buffer) => Buffer,
  compression: string | undefined,
  expected: readonly [string, string],
];
const broken: Broken[] = [
  ["no message", () => Buffer.alloc(0), undefined, notSupported],
  ["two messages", (message) => Buffer.concat([envelope(message), envelope(message)]), undefined, notSupported],
  ["an unknown compression", (message) => envelope(message, 1), "lzma", notSupported],
  ["an unknown compression that is not used", () => envelope(Buffer.from("no protobuf")), "lzma", notSupported],
  ["a message over the limit", () => envelope(Buffer.alloc(maxMessageBytes + 1)), undefined, tooLarge],
  ["a length over the limit", () => Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]), undefined, tooLarge],
  ["a gzip bomb", () => envelope(gzipSync(Buffer.alloc(5_000_000)), 1), "gzip", tooLarge],
  ["half the head of an envelope", (message) => envelope(message).subarray(0, 3), undefined, malformed],
  ["the head of an envelope alone", (message) => envelope(message).subarray(0, 5), undefined, malformed],
  ["half an envelope", (message) => envelope(message).subarray(0, 6), undefined, malformed],
  ["broken gzip", () => envelope(Buffer.from("no gzip"), 1), "gzip", malformed],
  ["a compressed message without a compression", (message) => envelope(message, 1), undefined, compressionUnnamed],
  ["bytes that are no protobuf", () => envelope(Buffer.from("\xff\xff\xff", "latin1")), undefined, malformed],
];

/** The lines of the log since the last test. */
let from = 0;
beforeEach(() => {
  from = app.logged.length;
});
const lines = () => app.logged.slice(from).map((line) => JSON.parse(line));

async function expectEnd(ended: Ended, [code, reason]: readonly [string, string]) {
  expect(ended).toEqual({ code, reason, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  // A defect would be an error; this is the caller's fault, and one line of the access log.
  await expect.poll(() => lines().filter(({ msg }) => msg === "call").length).toBe(1);
  expect(lines().map(({ level, msg, code, reason, requestId }) => ({ level, msg, code, reason, requestId }))).toEqual([
    { level: 30, msg: "call", ...ended },
  ]);
}

describe.each(ways)("over $name", ({ path, type, encoding }) => {
  test.each(broken)("%s", async (_what, body, compression, expected) => {
    const headers: Record<string, string> = compression === undefined ? {} : { [encoding]: compression };
    await expectEnd(await send(path, type, body(good[path] as Buffer), headers), expected);
  });
});

describe("over Connect, in JSON", () => {
  test.each([
    ["no JSON", "{", malformed],
    ["a value of another type", '{"userId":4711}', malformed],
    ["an unknown field", '{"nothing":1}', malformed],
  ] as const)("%s in a stream", async (_what, text, expected) => {
    const ended = await send(stream, "application/connect+json", envelope(Buffer.from(text)), {});
    await expectEnd(ended, expected);
    expect(JSON.stringify(lines())).not.toContain("4711");
  });

  test.each([
    ["an unknown compression", Buffer.from("{}"), { "content-encoding": "lzma" }, notSupported],
    ["a message over the limit", Buffer.alloc(maxMessageBytes + 1, " "), {}, tooLarge],
    ["broken gzip", Buffer.from("no gzip"), { "content-encoding": "gzip" }, malformed],
    ["no JSON", Buffer.from("{"), {}, malformed],
  ])("%s in a unary call", async (_what, body, headers, expected) => {
    await expectEnd(await send(unary, "application/json", body, headers as Record<string, string>), expected);
  });
});

test("a message over the limit leaves the client able to call on: the connection is closed, not left dead", async () => {
  const { Agent } = await import("node:http");
  const { createClient } = await import("@connectrpc/connect");
  const { createConnectTransport, createGrpcWebTransport } = await import("@connectrpc/connect-node");
  for (const createTransport of [createConnectTransport, createGrpcWebTransport]) {
    // One connection: a dead one would take the next call with it.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const transport = createTransport({
      baseUrl: app.httpUrl,
      httpVersion: "1.1",
      nodeOptions: { agent },
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${token}`);
          return next(request);
        },
      ],
    });
    const client = createClient(ConnectionService, transport);
    const huge = "a".repeat(2_000_000);
    for (let round = 0; round < 3; round += 1) {
      await expect(client.countConnections({ userId: huge })).rejects.toThrow();
      await expect(async () => {
        for await (const _ of client.watchConnections({ userId: huge })) break;
      }).rejects.toThrow();
      expect((await client.countConnections({ userId: "a" }, { timeoutMs: 90_000 })).count).toBe(0);
    }
    agent.destroy();
  }
});
