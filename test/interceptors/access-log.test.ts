import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { canary, canaryPrefix } from "../support/canary.ts";
import { connectClients } from "../support/clients.ts";
import { ways } from "../telemetry/protocols.ts";

const rpc = "connectory.v1.ConnectionService/CreateConnection";
const maxBytes = 100_000;

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "debug", TEST_TIMEOUT_MS: "60000", MAX_MESSAGE_BYTES: String(maxBytes) });
  token = await app.token({ user: "alice", org: "acme" });
});
afterAll(() => app.stop());
let before = 0;
beforeEach(() => {
  before = app.logged.length;
});

type Line = Record<string, unknown>;
const lines = (msg: string): Line[] =>
  app.logged
    .slice(before)
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.msg === msg);
const authorized = () => ({ authorization: `Bearer ${token}` });

/** The lines of calls, once they have all come. */
async function callLines(count = 1): Promise<Line[]> {
  await expect.poll(() => lines("call").length).toBe(count);
  await new Promise((resolve) => setTimeout(resolve, 50)); // and no more of them
  expect(lines("call")).toHaveLength(count);
  return lines("call");
}

describe.each(ways.map((way, index) => ({ ...way, index })))("a call by $protocol ($index)", (way) => {
  test("has one line, with all that there is to say", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, "x-request-id": `call-${way.index}` };
    await way.create(app, { userId1: "a", userId2: `b-${way.index}` }, { ...authorized(), ...headers });
    const [line] = await callLines();
    expect(line).toMatchObject({
      level: 30,
      protocol: way.protocol,
      rpc,
      code: "OK",
      requestId: `call-${way.index}`,
      traceId,
      organizationId: "acme",
      userId: "alice",
      peer: "127.0.0.1",
    });
    expect(line?.ms).toBeGreaterThan(0);
    expect(line).not.toHaveProperty("reason");
    // Connect's clients do not say how long a body is, and what a tool is called with is a part of one.
    if (way.protocol === "grpc" || way.protocol === "rest") expect(line?.bytes).toBeGreaterThan(0);
  });

  test("that is refused has one with the reason", async () => {
    await way.create(app, { userId1: "b", userId2: "a" }, authorized());
    expect(await callLines()).toMatchObject([
      { protocol: way.protocol, rpc, code: "INVALID_ARGUMENT", reason: "USER_IDS_OUT_OF_ORDER", userId: "alice" },
    ]);
  });

  test("of nobody we know has one, without a user", async () => {
    await way.create(app, { userId1: "a", userId2: "b" }, {});
    const [line] = await callLines();
    expect(line).toMatchObject({ protocol: way.protocol, code: "UNAUTHENTICATED", reason: "TOKEN_MISSING" });
    expect(line?.userId ?? "").toBe("");
  });

  test("that cannot be decoded has one, with the request id of its answer", async () => {
    const answer = await way.garble(app, authorized());
    const [line] = await callLines();
    expect(line).toMatchObject({ protocol: way.protocol, rpc, code: "INVALID_ARGUMENT", organizationId: "acme" });
    expect(line?.reason).toMatch(/^(MESSAGE_MALFORMED|FIELD_INVALID)$/);
    if (answer instanceof Response)
      expect(JSON.stringify([...answer.headers]) + (await answer.text())).toContain(String(line?.requestId));
  });
});

describe.each(["grpc", "connect-json", "grpc-web"] as const)("a call over %s that nobody waits for", (protocol) => {
  test.each([
    ["its caller has left", {}, "CANCELLED"],
    // In headers, so that the client itself knows nothing of it and does not leave first.
    ["its deadline has passed", { "connect-timeout-ms": "500", "grpc-timeout": "500m" }, "DEADLINE_EXCEEDED"],
  ])("because %s has one line", async (_, headers, code) => {
    const leaving = new AbortController();
    const client = connectClients(ConnectionService, app, token)[protocol];
    const options = { signal: leaving.signal, headers: new Headers(headers as Record<string, string>) };
    const watching = async () => {
      // What comes first says that the call has begun.
      for await (const _ of client.watchConnections({}, options)) if (code === "CANCELLED") leaving.abort();
    };
    await watching().catch(() => undefined);
    expect(await callLines()).toMatchObject([{ protocol: protocol.replace("-json", ""), code }]);
  });
});

describe("what never becomes a call", () => {
  /** A message of gRPC as it is, with the flag that says whether it is compressed. */
  async function sendRaw(compressed: boolean, message: Buffer): Promise<Record<string, unknown>> {
    const session = connect(`http://${app.grpcAddress}`);
    const frame = Buffer.alloc(5);
    frame.writeUInt8(compressed ? 1 : 0, 0);
    frame.writeUInt32BE(message.length, 1);
    const stream = session.request({
      ":method": "POST",
      ":path": `/${rpc}`,
      "content-type": "application/grpc",
      "grpc-encoding": compressed ? "gzip" : "identity",
      te: "trailers",
      ...authorized(),
    });
    const answered = new Promise<Record<string, unknown>>((resolve) => {
      stream.once("response", (headers) => {
        if ("grpc-status" in headers) resolve(headers);
      });
      stream.once("trailers", resolve);
    });
    stream.on("error", () => undefined);
    stream.end(Buffer.concat([frame, message]));
    stream.resume();
    const answer = await answered;
    session.destroy();
    return answer;
  }

  test.each([
    ["a broken gzip stream", true, Buffer.from("no gzip"), "INVALID_ARGUMENT", "3"],
    ["more than may be sent", false, Buffer.alloc(maxBytes + 1), "RESOURCE_EXHAUSTED", "8"],
    ["more than may be sent, compressed", true, gzipSync(Buffer.alloc(maxBytes * 2)), "RESOURCE_EXHAUSTED", "8"],
  ])("over gRPC: %s", async (_, compressed, message, code, status) => {
    const answer = await sendRaw(compressed, message);
    expect(String(answer["grpc-status"])).toBe(status);
    expect(await callLines()).toMatchObject([
      { protocol: "grpc", rpc, code, peer: "127.0.0.1", requestId: answer["x-request-id"] },
    ]);
  });

  test.each([
    ["a body that is too long", "application/json", JSON.stringify({ userId1: "a".repeat(maxBytes) }), 429],
    ["an encoding that is not known", "application/json", "{}", 404],
  ])("over Connect: %s", async (name, contentType, body, status) => {
    const encoding = name.startsWith("an encoding") ? { "content-encoding": "zip" } : {};
    const answer = await fetch(`${app.httpUrl}/${rpc}`, {
      method: "POST",
      headers: { "content-type": contentType, ...encoding, ...authorized() },
      body,
    });
    expect([name, answer.status >= 400]).toEqual([name, status >= 400]);
    const [line] = await callLines();
    expect(line).toMatchObject({
      protocol: "connect",
      rpc,
      userId: "alice",
      requestId: answer.headers.get("x-request-id"),
    });
  });

  test("over Connect: a caller who leaves before its message is here", async () => {
    const { hostname, port } = new URL(app.httpUrl);
    const socket = connectTcp(Number(port), hostname);
    const headers = [`host: ${hostname}`, "content-type: application/json", "content-length: 100"];
    socket.write(
      [`POST /${rpc} HTTP/1.1`, ...headers, `authorization: Bearer ${token}`, "", '{"userId1":'].join("\r\n"),
    );
    setTimeout(() => socket.destroy(), 300);
    expect(await callLines()).toMatchObject([{ protocol: "connect", rpc, code: "CANCELLED", userId: "alice" }]);
  });

  test("an HTTP request that nothing here is for has a line of its own, without its path", async () => {
    const secret = canary("in-the-path");
    for (const path of [`/${secret}`, `/v1/${secret}?token=${secret}`, "/metrics"])
      await fetch(`${app.httpUrl}${path}`, { headers: authorized() });
    await fetch(`${app.httpUrl}/${rpc}`, { method: "POST", headers: { "content-type": "text/plain" }, body: secret });
    await expect.poll(() => lines("rejected request").length).toBe(3);
    expect(lines("rejected request")).toMatchObject([
      { protocol: "http", method: "GET", status: 404 },
      { protocol: "rest", status: 404, route: "/v1/*", peer: "127.0.0.1" },
      { status: 415, route: `/${rpc}` },
    ]);
    expect(lines("call")).toEqual([]);
    expect(app.logged.join("")).not.toContain(secret);
  });
});

describe("with LOG_LEVEL=debug", () => {
  const config = {
    connector: { case: "redis" as const, value: { address: "redis://a:1", password: canary("debug") } },
  };
  const profiles = () => connectClients(ConnectionProfileService, app, token).grpc;

  test("request and answer are in the log, and no secret", async () => {
    await profiles().createConnectionProfile({ name: "logged", config });
    await callLines();
    const shown = { redis: { address: "redis://a:1", password: "[redacted]" } };
    const [call] = lines("call");
    expect(lines("request")).toMatchObject([
      { rpc: "CreateConnectionProfile", requestId: call?.requestId, request: { name: "logged", config: shown } },
    ]);
    expect(lines("answer")).toMatchObject([
      { requestId: call?.requestId, answer: { connection_profile: { name: "logged" } } },
    ]);
    expect(app.logged.join("")).not.toContain(canaryPrefix);
  });

  test("a request that is refused shows its shape: a secret may stand where none belongs", async () => {
    const wrong = { connector: { case: "redis" as const, value: { address: canary("as-address") } } };
    await expect(profiles().createConnectionProfile({ name: "refused", config: wrong })).rejects.toThrow();
    await callLines();
    expect(lines("request")).toEqual([]);
    expect(lines("refused request")).toMatchObject([
      {
        request: {
          name: "[7 characters]",
          config: { redis: { address: expect.stringMatching(/^\[\d+ characters\]$/) } },
        },
      },
    ]);
  });

  test("of a stream every answer is", async () => {
    await Array.fromAsync(profiles().streamConnectionProfileTest({ config }));
    await callLines();
    expect(lines("request")).toHaveLength(1);
    expect(lines("answer").length).toBeGreaterThan(2);
  });

  test("a outsider's message is not even looked at", async () => {
    const outsider = connectClients(ConnectionProfileService, app, "nonsense").grpc;
    await expect(outsider.createConnectionProfile({ name: "x", config })).rejects.toThrow();
    await callLines();
    expect([...lines("request"), ...lines("refused request")]).toEqual([]);
  });
});
