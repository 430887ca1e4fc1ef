import { request as rawRequest } from "node:http";
import { connect } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CreateConnectionRequestSchema } from "../../../gen/connectory/v1/connection_service_pb.js";
import { maxRequestBytes } from "../../../src/server/request-limits/check-request.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type CallRest, callRest, problem } from "./call-rest.ts";

const maxBytes = 100_000;
let app: TestApp;
let token: string;
let call: CallRest;
let outsider: CallRest;
beforeAll(async () => {
  app = await startTestApp({ CORS_ORIGINS: "https://web.example", MAX_MESSAGE_BYTES: String(maxBytes) });
  token = await app.token();
  call = callRest(app, token);
  outsider = callRest(app, "");
});
afterAll(() => app.stop());

const pair = { userId1: "h-a", userId2: "h-b" };

describe("what is refused", () => {
  test.each([
    ["GET /v1/nothing", 404, "PATH_UNKNOWN"],
    ["GET /v1", 404, "PATH_UNKNOWN"],
    ["GET /api/v1", 404, "PATH_UNKNOWN"],
    ["GET /api/nothing?x=%zz", 404, "PATH_UNKNOWN"],
    ["GET /v1/connections/%zz", 400, "PATH_MALFORMED"],
    ["GET /%zz", 400, "PATH_MALFORMED"],
    ["PUT /v1/connections", 405, "METHOD_NOT_ALLOWED"],
    ["PROPFIND /v1/connections", 405, "METHOD_NOT_ALLOWED"],
    ["DELETE /api/v1/connectors", 405, "METHOD_NOT_ALLOWED"],
    ["GET /v1/connections?userId=%zz", 400, "MESSAGE_MALFORMED"],
  ])("%s", async (what, status, reason) => {
    const { headers, json } = await call(what);
    expect(json).toMatchObject(problem(status, reason));
    expect(headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    if (status === 405) expect(headers.get("allow")).toContain("GET, HEAD");
  });

  test("a method on a path that knows others, with what it knows", async () => {
    expect((await call("PATCH /v1/connections")).headers.get("allow")).toBe("GET, HEAD, POST");
    expect((await call("GET /v1/connection_profiles/test")).headers.get("allow")).toBe("POST");
  });

  test.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["application/merge-patch+json", 415],
    ["application/json; charset=latin1", 415],
    ["application/", 415],
    ["application/json; charset=UTF-8", 201],
    ["Application/JSON", 409],
  ])("a body of type %s: %i", async (type, status) => {
    expect((await call("POST /v1/connections", { body: pair, headers: { "content-type": type } })).status).toBe(status);
  });

  test.each([
    ["{", "MESSAGE_MALFORMED"],
    ["[]", "MESSAGE_MALFORMED"],
    ['{"userId1":"a","userId1":"b","userId2":"c"}', "MESSAGE_MALFORMED"],
    ['{"__proto__":{"userId1":"a"},"userId2":"b"}', "MESSAGE_MALFORMED"],
    ["[".repeat(10_000), "MESSAGE_MALFORMED"],
    [new Uint8Array([0x22, 0xff, 0x22]), "MESSAGE_MALFORMED"],
    ["", "FIELD_INVALID"],
  ])("the body %.20s", async (body, reason) => {
    expect((await call("POST /v1/connections", { body })).json).toMatchObject(problem(400, reason));
  });

  test("a body where none belongs, but for one without content, which some clients always send", async () => {
    const path = "DELETE /v1/connections/00000000-0000-4000-8000-000000000000";
    for (const body of ["{}", " { } ", "null", "\n"])
      expect((await call(path, { body })).json).toMatchObject(problem(404, "CONNECTION_NOT_FOUND"));
    for (const body of ['{"id":"a"}', "[]", "{", "0"])
      expect((await call(path, { body })).json).toMatchObject({
        ...problem(400, "MESSAGE_MALFORMED"),
        detail: "this method takes its fields from the path and the query: send no body, or {}",
      });
  });

  test("a deadline that is none, and one that has passed", async () => {
    const late = (value: string) => call("GET /v1/connections?userId=a", { headers: { "connect-timeout-ms": value } });
    for (const value of ["soon", "-1", "99999999999"])
      expect((await late(value)).json).toMatchObject(problem(400, "MESSAGE_MALFORMED"));
    expect((await late("0")).json).toMatchObject({ ...problem(504, "DEADLINE_EXCEEDED"), code: "DEADLINE_EXCEEDED" });
    expect((await late("10000")).status).toBe(200);
  });

  test("a outsider, before anything of the body is looked at, and without a word about it", async () => {
    for (const body of ["{", gzipSync(Buffer.alloc(10_000_000)), JSON.stringify({ userId1: "x".repeat(200_000) })]) {
      const answer = await outsider("POST /v1/connections", { body, headers: { "content-encoding": "gzip" } });
      expect(answer.json).toMatchObject(problem(401, "TOKEN_MISSING"));
    }
    const bad = await callRest(app, `${token}x`)("GET /v1/connectors");
    expect(bad.json).toMatchObject(problem(401, "TOKEN_INVALID"));
    expect(bad.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    expect((await outsider(`GET /v1/connectors?access_token=${token}`)).status).toBe(401);
    const viewer = callRest(app, await app.token({ roles: ["viewer"] }));
    expect((await viewer("POST /v1/connections", { body: "{" })).json).toMatchObject({
      ...problem(403, "PERMISSION_MISSING"),
      metadata: { permission: "connections.write" },
    });
  });

  test("bytes that are no HTTP, and headers without end", async () => {
    const { hostname, port } = new URL(app.httpUrl);
    const send = (text: string) =>
      new Promise<string>((resolve, reject) => {
        let got = "";
        const socket = connect(Number(port), hostname, () => socket.write(text));
        socket.on("data", (chunk) => {
          got += chunk;
        });
        socket.on("close", () => resolve(got)).on("error", reject);
      });
    const body = (text: string) => JSON.parse(text.split("\r\n\r\n")[1] ?? "") as object;
    expect(body(await send("HELLO\r\n\r\n"))).toMatchObject(problem(400, "REQUEST_MALFORMED"));
    expect(body(await send(`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(66_000)}\r\n\r\n`))).toMatchObject(
      problem(431, "HEADERS_TOO_LARGE"),
    );
  });
});

describe("a body that is too large", () => {
  const large = JSON.stringify({ userId1: "x".repeat(maxBytes), userId2: "y" });

  test("is refused by its length, by what comes, and by what comes out of it", async () => {
    for (const [body, headers] of [
      [large, {}],
      [gzipSync(large), { "content-encoding": "gzip" }],
      [gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" }],
      [brotliCompressSync(Buffer.alloc(5_000_000)), { "content-encoding": "br" }],
    ] as const) {
      const answer = await call("POST /v1/connections", { body, headers });
      expect(answer.json).toMatchObject(problem(413, "BODY_TOO_LARGE"));
    }
  });

  test("is answered while it is still being sent, and not read to its end", async () => {
    const { hostname, port } = new URL(app.httpUrl);
    const answer = await new Promise<{ status: number | undefined; sent: number; text: string }>((resolve, reject) => {
      let sent = 0;
      const request = rawRequest(
        {
          hostname,
          port,
          method: "POST",
          path: "/v1/connections",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        },
        (response) => {
          clearInterval(timer);
          let text = "";
          response.on("data", (chunk) => {
            text += chunk;
          });
          response.on("end", () => resolve({ status: response.statusCode, sent, text }));
        },
      );
      request.on("error", reject);
      const timer = setInterval(() => {
        sent += 20_000;
        request.write("x".repeat(20_000));
      }, 10);
    });
    expect(JSON.parse(answer.text)).toMatchObject(problem(413, "BODY_TOO_LARGE"));
    expect(answer.sent).toBeLessThan(10 * maxBytes);
  });

  test("is no more than it may be: one that just fits is read", async () => {
    const max = maxRequestBytes(CreateConnectionRequestSchema, maxBytes);
    const body = (length: number) => JSON.stringify(pair).padEnd(length);
    expect((await call("POST /v1/connections", { body: body(max) })).status).toBe(409);
    expect((await call("POST /v1/connections", { body: body(max + 1) })).json).toMatchObject({
      ...problem(413, "BODY_TOO_LARGE"),
      detail: `the body has more than ${max} bytes, decompressed`,
    });
  });
});

describe("compression", () => {
  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ] as const)("%s of a request is undone", async (encoding, compress) => {
    const body = compress(JSON.stringify({ userId1: "z-a", userId2: `z-${encoding}` }));
    expect((await call("POST /v1/connections", { body, headers: { "content-encoding": encoding } })).status).toBe(201);
    expect(
      (await call("POST /v1/connections", { body: "{}", headers: { "content-encoding": encoding } })).json,
    ).toMatchObject(problem(400, "MESSAGE_MALFORMED"));
    const half = body.subarray(0, body.length / 2);
    expect((await call("POST /v1/connections", { body: half, headers: { "content-encoding": encoding } })).status).toBe(
      400,
    );
  });

  test("of a kind that is not known is refused with those that are", async () => {
    const answer = await call("POST /v1/connections", { body: "{}", headers: { "content-encoding": "lzma" } });
    expect([answer.json, answer.headers.get("accept-encoding")]).toEqual([
      expect.objectContaining(problem(415, "CONTENT_ENCODING_UNSUPPORTED")),
      "gzip, br, deflate",
    ]);
  });

  test("of an answer is what the caller takes, and of a small one none", async () => {
    const read = (encoding: string, path = "/v1/connectors") =>
      call(`GET ${path}`, { headers: { "accept-encoding": encoding } });
    for (const encoding of ["gzip", "br"]) {
      const answer = await read(encoding);
      expect(answer.headers.get("content-encoding")).toBe(encoding);
      expect(answer.headers.get("vary")).toContain("accept-encoding");
      expect(answer.json.data.length).toBeGreaterThan(10);
    }
    expect((await read("identity")).headers.get("content-encoding")).toBeNull();
    expect((await read("gzip", "/api/v1/ping")).headers.get("content-encoding")).toBeNull();
  });
});

test("HEAD is GET without the body", async () => {
  const answer = await call("HEAD /v1/connectors", { headers: { "accept-encoding": "identity" } });
  const full = await call("GET /v1/connectors", { headers: { "accept-encoding": "identity" } });
  expect([answer.status, answer.text, answer.headers.get("content-length")]).toEqual([
    200,
    "",
    full.headers.get("content-length"),
  ]);
  expect((await call("HEAD /v1/connectors/kafak")).status).toBe(404);
});

test("the caller's request id comes back, when it is a fit one", async () => {
  const answer = await call("GET /v1/connections?userId=a", { headers: { "x-request-id": "my-call.1" } });
  expect([answer.headers.get("x-request-id"), answer.json.requestId]).toEqual(["my-call.1", "my-call.1"]);
  const unfit = await call("GET /v1/nothing", { headers: { "x-request-id": "<script>" } });
  expect(unfit.json.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(unfit.headers.get("x-request-id")).toBe(unfit.json.requestId);
});

test("every answer says that it is data, and of one caller", async () => {
  for (const what of ["GET /v1/connectors", "GET /v1/nothing", "GET /api/v1/ping", "POST /v1/connections"]) {
    const { headers } = await call(what);
    expect([what, headers.get("x-content-type-options"), headers.get("cache-control")]).toEqual([
      what,
      "nosniff",
      "no-store",
    ]);
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  }
});

describe("pages of other origins", () => {
  const preflight = (origin: string, method: string) =>
    call("OPTIONS /v1/connection_profiles/cp_x", {
      headers: {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type,if-match,idempotency-key,last-event-id",
      },
    });

  test("may change and delete, where they are let in", async () => {
    const answer = await preflight("https://web.example", "PATCH");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://web.example");
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"])
      expect(answer.headers.get("access-control-allow-methods")).toContain(method);
    const allowed = (answer.headers.get("access-control-allow-headers") ?? "").toLowerCase();
    for (const header of [
      "authorization",
      "content-type",
      "if-match",
      "if-none-match",
      "idempotency-key",
      "last-event-id",
    ])
      expect(allowed).toContain(header);
    const get = await call("GET /v1/connectors", { headers: { origin: "https://web.example" } });
    for (const header of ["etag", "retry-after", "x-request-id"])
      expect(get.headers.get("access-control-expose-headers")?.toLowerCase()).toContain(header);
  });

  test("may do nothing elsewhere", async () => {
    expect((await preflight("https://evil.example", "PATCH")).headers.get("access-control-allow-origin")).toBeNull();
  });
});
