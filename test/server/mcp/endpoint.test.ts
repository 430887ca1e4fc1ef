import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { postRpc, rpc, toolCall } from "./post-rpc.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp({ CORS_ORIGINS: "https://web.example", MAX_MESSAGE_BYTES: "100000", LOG_LEVEL: "warn" });
  token = await app.token();
});
afterAll(async () => {
  expect(app.logged).toEqual([]); // whatever came, none of it is a defect of ours
  await app.stop();
});

const post = (body: unknown, headers: Record<string, string> = {}) => postRpc(app.httpUrl, body, { token, headers });

/** What `curl` would send, word for word; resolves with all that came back once nothing more comes. */
function raw(lines: readonly string[], body = "", host = new URL(app.httpUrl).host): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.httpUrl);
    const socket = connect(Number(port), hostname);
    let answer = "";
    socket.setEncoding("utf8").on("data", (text) => {
      answer += text;
    });
    socket.on("error", reject).on("close", () => resolve(answer));
    socket.write(`${[...lines, `host: ${host}`, "connection: close"].join("\r\n")}\r\n\r\n${body}`);
  });
}

describe("an agent without a library", () => {
  const initialize = rpc("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "curl", version: "8" },
  });

  test("says hello, lists and calls, each in a request of its own and without a session", async () => {
    const hello = await post(initialize);
    expect(hello.status).toBe(200);
    expect(hello.headers.get("mcp-session-id")).toBeNull();
    expect(hello.messages).toMatchObject([
      { id: 1, result: { protocolVersion: "2025-11-25", capabilities: { tools: {} } } },
    ]);
    expect((await post({ jsonrpc: "2.0", method: "notifications/initialized" })).status).toBe(202);
    const list = await post(rpc("tools/list", {}, "a"), { "mcp-protocol-version": "2025-11-25" });
    expect(list.messages[0]).toMatchObject({ id: "a", result: { tools: expect.any(Array) } });
    const call = await post(toolCall("createConnection", { userId1: "alice", userId2: "bob" }, 7));
    expect(call.headers.get("content-type")).toContain("text/event-stream");
    expect(call.messages).toMatchObject([
      { id: 7, result: { structuredContent: { connection: { userId1: "alice" } } } },
    ]);
  });

  test("needs no hello, an argument that may be left out, nor an answer to a ping", async () => {
    const call = await post({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "listConnectors" } });
    expect(call.messages[0].result.structuredContent.connectors.length).toBeGreaterThan(10);
    expect((await post(rpc("ping"))).messages).toEqual([{ jsonrpc: "2.0", id: 1, result: {} }]);
  });

  test("of the revision of 2026 says what it is with every request", async () => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "getConnector" };
    const params = { _meta: meta, name: "getConnector", arguments: { id: "kafka" } };
    const { status, messages, headers: answered } = await post(rpc("tools/call", params), headers);
    expect([status, answered.get("content-type")]).toEqual([200, "application/json"]);
    expect(messages[0].result).toMatchObject({
      resultType: "complete",
      structuredContent: { connector: { id: "kafka" } },
    });
    const { "mcp-name": _, ...nameless } = headers;
    expect(await post(rpc("tools/call", params), nameless)).toMatchObject({ status: 400 });
    const discover = { ...headers, "mcp-method": "server/discover" };
    expect((await post(rpc("server/discover", { _meta: meta }), discover)).messages[0].result).toMatchObject({
      supportedVersions: ["2026-07-28"],
    });
  });
});

describe("who is let in", () => {
  test("a outsider is told how to come back, before the body is read", async () => {
    for (const [authorization, reason, challenge] of [
      [undefined, "TOKEN_MISSING", /^Bearer$/],
      ["Basic YTpi", "TOKEN_MISSING", /^Bearer$/],
      ["Bearer x", "TOKEN_INVALID", /^Bearer error="invalid_token", error_description="the token is not accepted"$/],
    ] as const) {
      const answer = await postRpc(app.httpUrl, rpc("tools/list"), {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toMatch(challenge);
      expect(answer.messages).toMatchObject([{ jsonrpc: "2.0", id: null, error: { code: -32_000, data: { reason } } }]);
    }
    // A body is announced and never sent: who waits for it would not answer.
    const answer = await raw(["POST /mcp HTTP/1.1", "content-type: application/json", "content-length: 90000"]);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  test("by no token in the address", async () => {
    const response = await fetch(`${app.httpUrl}/mcp?access_token=${token}`, { method: "POST", body: "{}" });
    expect(response.status).toBe(401);
  });

  test("pages of listed origins and of this machine's own address, and no others", async () => {
    const { host, port } = new URL(app.httpUrl);
    for (const origin of ["https://web.example", `http://${host}`])
      expect([origin, (await post(rpc("ping"), { origin })).status]).toEqual([origin, 200]);
    for (const origin of [
      "https://evil.example",
      "null",
      `http://127.0.0.1:${Number(port) + 1}`,
      `https://web.example:444`,
    ])
      expect([origin, (await post(rpc("ping"), { origin })).status]).toEqual([origin, 403]);
    // A name that was made to lead to this machine: the browser sends it as `host` too.
    const body = JSON.stringify(rpc("ping"));
    const name = `rebound.example:${port}`;
    const headers = [
      `authorization: Bearer ${token}`,
      "content-type: application/json",
      `content-length: ${body.length}`,
    ];
    const rebound = await raw(["POST /mcp HTTP/1.1", `origin: http://${name}`, ...headers], body, name);
    expect(rebound).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("a page's browser may ask ahead for what clients send", async () => {
    const response = await fetch(`${app.httpUrl}/mcp`, {
      method: "OPTIONS",
      headers: {
        origin: "https://web.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,mcp-protocol-version,mcp-method,mcp-name",
      },
    });
    expect(response.status).toBe(204);
    const allowed = response.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
    for (const name of ["authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"])
      expect(allowed).toContain(name);
  });
});

describe("what is rejected request", () => {
  test("GET, DELETE and other methods are 405", async () => {
    for (const method of ["GET", "DELETE", "PUT", "PATCH"]) {
      const response = await fetch(`${app.httpUrl}/mcp`, {
        method,
        headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
      });
      expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "POST"]);
      await response.body?.cancel();
    }
  });

  test("broken JSON, other content, too much of it", async () => {
    for (const body of ["{", "", "\u0000", '{"jsonrpc":"2.0"', "[1,", "<xml/>"]) {
      const answer = await post(body);
      expect([body, answer.status, answer.messages]).toMatchObject([body, 400, [{ error: { code: -32_700 } }]]);
    }
    for (const body of ["5", "null", '"x"', "[]", "{}", '{"jsonrpc":"1.0","id":1,"method":"ping"}'])
      expect([body, (await post(body)).status]).toEqual([body, 400]);
    expect((await post("{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(`{"a":"${"x".repeat(100_000)}"}`)).status).toBe(413);
    expect((await post(rpc("ping"), { accept: "text/html" })).status).toBe(406);
    expect((await post(rpc("nothing/here"))).messages).toMatchObject([{ error: { code: -32_601 } }]);
    expect((await post(rpc("tools/list", { cursor: "x" }))).messages).toMatchObject([{ error: { code: -32_602 } }]);
    expect((await post(rpc("tools/call", { name: 5 }))).messages).toMatchObject([{ error: { code: -32_602 } }]);
    expect((await post({ jsonrpc: "2.0", id: 1, result: {} })).status).toBe(202);
  });

  test("a version of the protocol that nobody knows", async () => {
    expect((await post(rpc("tools/list"), { "mcp-protocol-version": "1999-01-01" })).status).toBe(400);
  });

  test("many messages at once, where the revision has none of that", async () => {
    const batch = [rpc("ping", {}, 1), toolCall("getConnector", { id: "kafka" }, 2), toolCall("x", {}, 3)];
    const old = await post(batch, { "mcp-protocol-version": "2025-03-26" });
    expect(old.messages.toSorted((a, b) => a.id - b.id)).toMatchObject([
      { id: 1, result: {} },
      { id: 2, result: { structuredContent: { connector: { id: "kafka" } } } },
      { id: 3, error: { code: -32_602 } },
    ]);
    const since = await post(batch, { "mcp-protocol-version": "2025-06-18" });
    expect([since.status, since.messages]).toMatchObject([400, [{ error: { code: -32_600 } }]]);
    expect((await post(Array.from({ length: 101 }, (_, id) => rpc("ping", {}, id)))).status).toBe(400);
  });

  test("arguments as deep as they get, and with names that JavaScript knows", async () => {
    const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
    for (const args of [
      deep,
      "[".repeat(5000) + "]".repeat(5000),
      '{"__proto__":{"userId":"x"}}',
      '{"constructor":1}',
    ]) {
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"listConnections","arguments":${args}}}`;
      const { status, messages } = await post(body);
      expect(status).toBe(args.length > 1000 ? 400 : 200); // so deep that it is not even parsed
      expect(messages[0].error?.code ?? messages[0].result.isError).toSatisfy((is) => is === true || is === -32_602);
    }
  });
});

test("without an external issuer there is no word about one", async () => {
  expect((await fetch(`${app.httpUrl}/.well-known/oauth-protected-resource`)).status).toBe(404);
});
