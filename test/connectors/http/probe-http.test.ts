import type { RequestListener } from "node:http";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HttpConfigSchema } from "../../../gen/connectory/v1/http_config_pb.js";
import { http } from "../../../src/connectors/http/http.ts";
import { canary } from "../../support/canary.ts";
import { startHttpServer } from "../http-server.ts";
import { startLocalServer } from "../local-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";

const closers: (() => Promise<void>)[] = [];
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  await expectNothingLeft(before);
});

async function serve(answer: RequestListener, options = {}) {
  const server = await startHttpServer(answer, options);
  closers.push(server.close);
  return server;
}

async function serveRaw(bytes: string | Buffer, { end = false } = {}) {
  const server = await startLocalServer((socket) => {
    socket.once("data", () => (end ? socket.end(bytes) : socket.write(bytes)));
  });
  closers.push(server.close);
  return `http://127.0.0.1:${server.port}/`;
}

const basic = {
  authentication: { case: "basic" as const, value: { username: "tester", password: canary("http-fake") } },
};

describe("an HTTP endpoint", () => {
  test("gets the log-in and the headers along redirects of its own, another origin gets none of them, for good", async () => {
    const other = await serve((request, response) => {
      if (request.url === "/a") response.writeHead(302, { location: `${first.url}/back` });
      response.end();
    });
    const first = await serve((request, response) => {
      if (request.url === "/start?x=1") response.writeHead(307, { location: "/next" });
      if (request.url === "/next") response.writeHead(302, { location: `http://user:pw@127.0.0.1:${other.port}/a` });
      response.end();
    });
    const headers = { "X-Api-Key": canary("http-header"), Cookie: canary("http-cookie") };
    const outcome = await tryConnector("http", { url: `${first.url}/start?x=1`, headers, ...basic });
    expect(outcome.error).toBe(false);
    expect(first.requests).toEqual(["HEAD /start?x=1", "HEAD /next", "HEAD /back"]);
    expect(first.headers[1]).toMatchObject({
      authorization: `Basic ${btoa(`tester:${canary("http-fake")}`)}`,
      "x-api-key": canary("http-header"),
      cookie: canary("http-cookie"),
    });
    for (const sent of [first.headers[2], ...other.headers]) {
      expect(Object.keys(sent ?? {}).sort()).toEqual(["connection", "host", "user-agent"]);
    }
    expect(steps(outcome).filter((step) => step === "CAPABILITY WARNING REDIRECTED")).toHaveLength(2);
  });

  test("that wants the log-in behind a redirect to elsewhere says why it did not get it", async () => {
    const other = await serve((_, response) => response.writeHead(401).end());
    const first = await serve((_, response) => response.writeHead(301, { location: other.url }).end());
    const outcome = await tryConnector("http", { url: first.url, ...basic });
    expect(failure(outcome)).toMatchObject({ code: "REDIRECTED", field: "url" });
    expect(JSON.stringify(outcome.report.steps.map(({ hint }) => hint))).not.toContain("tester");
  });

  test.each(["ftp://127.0.0.1/", "http://", "mailto:a@b.example"])(
    "that redirects to %s is broken",
    async (location) => {
      const { url } = await serve((_, response) => response.writeHead(302, { location }).end());
      const outcome = await tryConnector("http", { url });
      expect(failure(outcome)).toMatchObject({ code: "REDIRECT_BROKEN", field: "url" });
      expect(steps(outcome)).toContain("AUTHENTICATE PASSED OK");
    },
  );

  test("that takes neither HEAD nor GET may be a webhook: a warning, and nothing is posted", async () => {
    const { url, requests } = await serve((_, response) => response.writeHead(405).end());
    const outcome = await tryConnector("http", { url: `${url}/hook` });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CAPABILITY WARNING METHOD_NOT_ALLOWED");
    expect(requests).toEqual(["HEAD /hook", "GET /hook"]);
  });

  test("without HEAD is asked with GET, and its endless answer is not read", async () => {
    let sent = 0;
    const { url, connections } = await serve((request, response) => {
      if (request.method === "HEAD") return void response.writeHead(501).end();
      const more = () => {
        while (sent < 64e6 && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on("drain", more);
      more();
    });
    const outcome = await tryConnector("http", { url });
    expect(outcome.error).toBe(false);
    await expect.poll(connections).toBe(0);
    expect(sent).toBeLessThan(32e6);
  });

  test.each([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "NOT_AN_HTTP_SERVER"],
    ["headers without an end", `HTTP/1.1 200 OK\r\n${"x-a: b\r\n".repeat(20_000)}`, "TOO_MUCH_DATA"],
    ["one header without an end", `HTTP/1.1 200 OK\r\nx-a: ${"b".repeat(1e6)}`, "TOO_MUCH_DATA"],
    ["binary", Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), "NOT_AN_HTTP_SERVER"],
    ["nothing but the end", "", "CONNECTION_CLOSED"],
  ])("that answers with %s", async (_, bytes, code) => {
    const outcome = await tryConnector("http", { url: await serveRaw(bytes, { end: code === "CONNECTION_CLOSED" }) });
    expect(failure(outcome)).toMatchObject({ code, field: "url" });
    expect(steps(outcome)).toContain(`AUTHENTICATE FAILED ${code}`);
  });

  test("that never comes to its answer ends at the deadline", async () => {
    const url = await serveRaw("HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
    const outcome = await tryConnector("http", { url }, { deadlineMs: 500 });
    expect(failure(outcome)?.code).toMatch(/^(TIMED_OUT|CONNECTION_CLOSED)$/);
  });

  test("is not sent what only shows after substitution that it cannot be a header", async () => {
    const { url, requests } = await serve((_, response) => response.end());
    const outcome = await tryConnector("http", { url, headers: { "x-a": "1\r\nhost: elsewhere" } });
    expect(failure(outcome)).toMatchObject({ code: "NOT_SENDABLE" });
    expect(requests).toEqual([]);
  });

  test("leaves nothing open when the caller goes", async () => {
    const { url, connections } = await serve(() => {});
    const caller = new AbortController();
    const testing = tryConnector("http", { url }, { signal: caller.signal });
    await expect.poll(connections).toBe(1);
    caller.abort(new Error("gone"));
    await expect(testing).rejects.toThrow("gone");
    await expect.poll(connections).toBe(0);
  });
});

describe("a configuration for HTTP", () => {
  const violations = (init: Parameters<typeof create<typeof HttpConfigSchema>>[1]) =>
    (http.validate?.(create(HttpConfigSchema, init)) ?? []).map(({ field }) => field);

  test("with everything right has nothing wrong", () => {
    const headers = { Accept: "text/event-stream", "X-Api-Key": "k", "X-Latin": "ä" };
    expect(violations({ url: "https://api.example/v1?page=1", headers, ...basic, tls: {} })).toEqual([]);
    expect(violations({ url: "http://[::1]:8080", headers: { Authorization: "ApiKey 1" } })).toEqual([]);
  });

  test.each(["Host", "content-length", "Transfer-Encoding", "Connection", "TE", "Sec-WebSocket-Key"])(
    "cannot set %s",
    (name) => {
      expect(violations({ url: "https://a.example", headers: { [name]: "x" } })).toEqual([`headers["${name}"]`]);
    },
  );

  test.each(["a\r\nx: y", "a\n", "\u0000", "ŵ"])("cannot have the header value %j", (value) => {
    expect(violations({ url: "https://a.example", headers: { "x-a": value } })).toEqual(['headers["x-a"]']);
  });

  test("has one log-in, each header once, and TLS where its scheme has it", () => {
    expect(violations({ url: "https://a.example", headers: { authorization: "x" }, ...basic })).toEqual([
      'headers["authorization"]',
    ]);
    expect(violations({ url: "https://a.example", headers: { "x-a": "1", "X-A": "2" } })).toEqual(['headers["X-A"]']);
    expect(violations({ url: "http://a.example", tls: {} })).toEqual(["tls"]);
    const colon = { authentication: { case: "basic" as const, value: { username: "a:b" } } };
    expect(violations({ url: "https://a.example", ...colon })).toEqual(["basic.username"]);
    const bearer = (token: string) => ({ authentication: { case: "bearer" as const, value: { token } } });
    expect(violations({ url: "https://a.example", ...bearer("a b") })).toEqual(["bearer.token"]);
    expect(violations({ url: "https://a.example", ...bearer("{{ a }}") })).toEqual(["bearer.token"]);
  });

  test("is shown without its query, and begins where its URL points to", () => {
    const config = create(HttpConfigSchema, { url: "https://[2001:db8::1]/hook?page=1" });
    expect(http.describe(config)).toBe("https://[2001:db8::1]/hook");
    expect(http.endpoints(config)).toEqual([{ host: "2001:db8::1", port: 443 }]);
  });
});
