import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { rpc } from "./mcp/post-rpc.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());

const envelope = (text: string) => {
  const message = Buffer.from(text);
  return new Uint8Array(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
};

/** The headers of an answer, as soon as they are there: a stream goes on, and is left. */
async function headersOf(path: string, init: RequestInit, headers: Record<string, string>): Promise<Headers> {
  const left = new AbortController();
  const response = await fetch(app.httpUrl + path, {
    ...init,
    signal: left.signal,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  expect(response.status).toBe(200);
  left.abort();
  return response.headers;
}

const watch = "/connectory.v1.ConnectionService/WatchConnections";
const post = (body: string | Uint8Array<ArrayBuffer>) => ({ method: "POST", body });
const profileTest = JSON.stringify({ connector: "kafka", config: { bootstrap_servers: "127.0.0.1:1" } });
const mcp = JSON.stringify(
  rpc("tools/call", {
    name: "testConnectionProfile",
    arguments: JSON.parse(profileTest),
    _meta: { progressToken: "p" },
  }),
);

test.each([
  ["a stream over Connect", watch, post(envelope("{}")), { "content-type": "application/connect+json" }],
  ["a stream over gRPC-Web", watch, post(envelope("{}")), { "content-type": "application/grpc-web+json" }],
  ["server-sent events", "/v1/connections:watch", {}, {}],
  ["NDJSON", "/v1/connections:watch", {}, { accept: "application/x-ndjson" }],
  ["a streamed test", "/v1/connection_profiles/test/stream", post(profileTest), { "content-type": "application/json" }],
  [
    "the progress of a tool",
    "/mcp",
    post(mcp),
    { "content-type": "application/json", accept: "application/json, text/event-stream" },
  ],
])("%s is passed on by nginx as it comes, and kept by no cache", async (_what, path, init, headers) => {
  const given = await headersOf(path, init, headers);
  expect([given.get("x-accel-buffering"), given.get("cache-control")]).toEqual([
    "no",
    expect.stringMatching(/\bno-store\b/),
  ]);
});

test.each([
  ["a call over Connect", post('{"userId":"a"}'), { "content-type": "application/json" }],
  ["a call over gRPC-Web", post(envelope('{"userId":"a"}')), { "content-type": "application/grpc-web+json" }],
  ["a read over Connect with GET", {}, {}],
])("%s is kept by no cache", async (_what, init, headers) => {
  const query = "method" in init ? "" : `?encoding=json&message=${encodeURIComponent('{"userId":"a"}')}`;
  const given = await headersOf(`/connectory.v1.ConnectionService/CountConnections${query}`, init, headers);
  expect(given.get("cache-control")).toBe("no-store");
});
