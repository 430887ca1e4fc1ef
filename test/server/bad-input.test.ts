import { randomBytes } from "node:crypto";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService, CreateConnectionRequestSchema } from "../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";

// gRPC status codes by number: https://grpc.io/docs/guides/status-codes/
const invalidArgument = 3;
const resourceExhausted = 8;
const unimplemented = 12;
/** What bad input must never give. */
const serverFaults = [2, 13];

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "error" });
  token = await app.token();
});
afterAll(async () => {
  // After all this the server answers, and nothing of it was a defect worth an error line.
  const client = connectClients(ConnectionService, app, token).grpc;
  expect((await client.createConnection({ userId1: "still", userId2: "there" })).connection?.isActive).toBe(true);
  expect(app.logged).toEqual([]);
  await app.stop();
});

function frame(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const path = "/connectory.v1.ConnectionService/CreateConnection";
const good = () =>
  toBinary(
    CreateConnectionRequestSchema,
    create(CreateConnectionRequestSchema, { userId1: "g", userId2: `h-${randomBytes(6).toString("hex")}` }),
  );

/** One raw gRPC call over HTTP/2: whatever bytes, whatever headers. */
function rawGrpc(
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ http: number; grpc: number | undefined; message: string }> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${app.grpcAddress}`);
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
      ...headers,
    });
    const seen: IncomingHttpHeaders = {};
    stream.on("response", (head) => Object.assign(seen, head));
    stream.on("trailers", (tail) => Object.assign(seen, tail));
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      const grpc = seen["grpc-status"];
      resolve({
        http: Number(seen[":status"]),
        grpc: grpc === undefined ? undefined : Number(grpc),
        message: decodeURIComponent(String(seen["grpc-message"] ?? "")),
      });
    });
    stream.resume();
    stream.end(body);
  });
}

describe("over gRPC", () => {
  test("the raw call itself works", async () => {
    expect(await rawGrpc(frame(good()))).toMatchObject({ http: 200, grpc: 0 });
    expect(await rawGrpc(frame(gzipSync(good()), 1), { "grpc-encoding": "gzip" })).toMatchObject({ grpc: 0 });
  });

  test.each([
    ["bytes that are no protobuf", () => frame(Buffer.from("\xff\xff\xff\xff", "latin1")), {}, invalidArgument],
    ["a string that is not UTF-8", () => frame(Buffer.from([0x1a, 2, 0xc3, 0x28])), {}, invalidArgument],
    ["a known field with another wire type", () => frame(Buffer.from([0x18, 5])), {}, invalidArgument],
    ["5 MB", () => frame(Buffer.alloc(5_000_000)), {}, resourceExhausted],
    ["a gzip bomb", () => frame(gzipSync(Buffer.alloc(50_000_000)), 1), { "grpc-encoding": "gzip" }, resourceExhausted],
    ["a broken gzip stream", () => frame(Buffer.from("no gzip"), 1), { "grpc-encoding": "gzip" }, invalidArgument],
    ["an unknown compression", () => frame(good(), 1), { "grpc-encoding": "lzma" }, unimplemented],
    ["no message", () => Buffer.alloc(0), {}, unimplemented],
    ["half a frame head", () => frame(good()).subarray(0, 3), {}, invalidArgument],
    ["half a message", () => frame(good()).subarray(0, 9), {}, invalidArgument],
    ["two messages", () => Buffer.concat([frame(good()), frame(good())]), {}, unimplemented],
    ["a length far beyond the bytes", () => Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]), {}, resourceExhausted],
    ["an unreadable timeout", () => frame(good()), { "grpc-timeout": "soon" }, invalidArgument],
    ["an unknown method", () => frame(good()), { ":path": "/connectory.v1.ConnectionService/Nothing" }, unimplemented],
    ["an unknown service", () => frame(good()), { ":path": "/nothing/at/all" }, unimplemented],
  ] satisfies [string, () => Uint8Array, Record<string, string>, number][])(
    "%s",
    async (_name, body, headers, status) => {
      expect((await rawGrpc(body(), headers)).grpc).toBe(status);
    },
  );

  test("a outsider's message is not even read", async () => {
    const [unauthenticated, outsider] = [16, { authorization: "Bearer x" }];
    expect((await rawGrpc(frame(Buffer.from("\xff\xff", "latin1")), outsider)).grpc).toBe(unauthenticated);
  });

  test("another content type is HTTP 415", async () => {
    expect(await rawGrpc(frame(good()), { "content-type": "text/plain" })).toMatchObject({ http: 415 });
  });

  test("1 000 random byte strings as a message", async () => {
    const statuses = new Set<number | undefined>();
    for (let round = 0; round < 20; round += 1) {
      const calls = Array.from({ length: 50 }, (_, index) => rawGrpc(frame(randomBytes(index * 7))));
      for (const { grpc } of await Promise.all(calls)) statuses.add(grpc);
    }
    // An empty or wholly unknown message is read, and then lacks its users: INVALID_ARGUMENT too.
    expect([...statuses]).toEqual([invalidArgument]);
  });

  test("1 000 random connections: not even HTTP/2", async () => {
    const { Socket } = await import("node:net");
    const [host = "", port = ""] = app.grpcAddress.split(":");
    for (let round = 0; round < 20; round += 1)
      await Promise.all(
        Array.from(
          { length: 50 },
          () =>
            new Promise<void>((resolve) => {
              const socket = new Socket().connect(Number(port), host, () => socket.end(randomBytes(100)));
              socket
                .on("close", () => resolve())
                .on("error", () => socket.destroy())
                .resume();
            }),
        ),
      );
    expect((await rawGrpc(frame(good()))).grpc).toBe(0);
  });
});

describe("over Connect and gRPC-Web", () => {
  const post = async (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, at = path) => {
    const response = await fetch(`${app.httpUrl}${at}`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    });
    const text = await response.text();
    return { status: response.status, text, headers: response.headers };
  };

  test.each([
    ["no JSON", "{", 400],
    ["an array", "[]", 400],
    ["a number for a string", '{"userId1":5,"userId2":"b"}', 400],
    ["a string for a message", '{"userId1":"a","userId2":"b","connectedSince":"yesterday"}', 400],
    ["an unknown field", '{"userId1":"a","userId2":"b","userId3":"c"}', 400],
    ["a field twice under two names", '{"userId1":"a","user_id_1":"a","userId2":"b"}', 400],
    ["nothing", "", 400],
    ["null", "null", 400],
    ["deep nesting", "[".repeat(10_000), 400],
    ["more than the method takes", "[".repeat(100_000), 429],
    ["__proto__", '{"__proto__":{"userId1":"a"},"userId2":"b"}', 400],
    ["5 MB", JSON.stringify({ userId1: "a", userId2: "b".repeat(5_000_000) }), 429],
  ])("%s", async (_name, body, status) => {
    const answer = await post(body);
    expect([answer.status, answer.text]).toEqual([
      status,
      expect.stringMatching(/"code":"(invalid_argument|resource_exhausted)"/),
    ]);
  });

  test("another content type is HTTP 415, another method 405, another path 404", async () => {
    for (const type of ["text/plain", "application/xml", "application/grpc", "multipart/form-data; boundary=x"])
      expect((await post("{}", { "content-type": type })).status).toBe(415);
    expect(
      (
        await fetch(`${app.httpUrl}${path}`, {
          method: "PUT",
          body: "{}",
          headers: { "content-type": "application/json" },
        })
      ).status,
    ).toBe(405);
    expect((await post("{}", {}, "/connectory.v1.ConnectionService/Nothing")).status).toBe(404);
  });

  test("a GET whose message is no base64", async () => {
    const url = `${app.httpUrl}/connectory.v1.ConnectionService/ListConnections?encoding=proto&base64=1&message=`;
    const headers = { authorization: `Bearer ${token}` };
    for (const message of ["!!!", "A", "%ff"]) {
      const answer = await fetch(url + message, { headers });
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("MESSAGE_MALFORMED")]);
    }
  });

  test("half a character in JSON over gRPC-Web is answered, too", async () => {
    const json = new Uint8Array(frame(Buffer.from('{"x\\ud800":1}')));
    const answer = await post(json, { "content-type": "application/grpc-web+json" });
    expect(Number(answer.headers.get("grpc-status") ?? /grpc-status: *(\d+)/.exec(answer.text)?.[1])).toBe(
      invalidArgument,
    );
  });

  test("a deadline beyond all reason", async () => {
    expect((await post("{}", { "connect-timeout-ms": "2147483648" })).status).toBe(400);
  });

  test("a outsider's message is not even read", async () => {
    for (const body of ["{", JSON.stringify({ userId1: "b".repeat(5_000_000) })]) {
      const answer = await post(body, { authorization: "Bearer x" });
      expect([answer.status, answer.text]).toEqual([401, expect.stringContaining("TOKEN_INVALID")]);
      expect(answer.headers.get("x-request-id")).not.toBeNull();
    }
  });

  test("a broken content encoding", async () => {
    expect((await post("{}", { "content-encoding": "gzip" })).status).toBe(400);
    expect((await post("{}", { "content-encoding": "lzma" })).status).toBe(501);
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(50_000_000)));
    expect((await post(bomb, { "content-encoding": "gzip", "content-type": "application/proto" })).status).toBe(429);
  });

  test("random bytes as protobuf, as gRPC-Web frames, and as gRPC-Web without a frame", async () => {
    for (let index = 0; index < 300; index += 1) {
      const bytes = new Uint8Array(randomBytes(index));
      expect((await post(bytes, { "content-type": "application/proto" })).status).toBe(400);
      const web = { "content-type": "application/grpc-web+proto" };
      for (const body of [new Uint8Array(frame(bytes)), bytes]) {
        const answer = await post(body, web);
        const status = Number(answer.headers.get("grpc-status") ?? /grpc-status: *(\d+)/.exec(answer.text)?.[1]);
        expect(serverFaults).not.toContain(status);
        expect(status).toBeGreaterThan(0);
      }
    }
  });
});
