import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebsocketConfigSchema } from "../../../gen/connectory/v1/websocket_config_pb.js";
import { websocket } from "../../../src/connectors/websocket/websocket.ts";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { startTlsFront } from "../../support/servers/tls-front.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { startLocalServer } from "../local-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";
import { startWebsockets } from "./start-websockets.ts";

type Init = MessageInitShape<typeof WebsocketConfigSchema>;

const password = canary("websocket-password");
const basic = (username: string, secret = password): Pick<Init, "authentication"> => ({
  authentication: { case: "basic", value: { username, password: secret } },
});
const server = await startWebsockets({
  authorization: `Basic ${btoa(`tester:${password}`)}`,
  outsider: `Basic ${btoa(`outsider:${password}`)}`,
});
const { port } = server;
const good = await startTlsFront({ port, certificate: "good" });
const expired = await startTlsFront({ port, certificate: "expired" });
const otherName = await startTlsFront({ port, certificate: "other-name" });
const mutual = await startTlsFront({ port, certificate: "good", mutual: true });
const hole = await startBlackHole();
const closedPort = await freePort();
const secured = `wss://localhost:${good.port}`;
const tls = { ca: authority };
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(async () => {
  await expect.poll(server.connections).toBe(0);
  await expectNothingLeft(before);
});
afterAll(async () => {
  for (const front of [good, expired, otherName, mutual]) await front.stop();
  await server.close();
  await hole.stop();
});

describe("a WebSocket endpoint", () => {
  faultMatrix("websocket", {
    right: [
      { url: server.url },
      { url: secured, tls, subprotocols: ["v1.json", "v2.json"] },
      { url: `${secured}/private`, tls, ...basic("tester") },
      { url: `wss://localhost:${mutual.port}`, tls: { ...tls, ...client } },
    ],
    "wrong host": { config: { url: "wss://nowhere.invalid" }, fails: ["RESOLVE", "NAME_NOT_FOUND", "url"] },
    "closed port": { config: { url: `ws://127.0.0.1:${closedPort}` }, fails: ["CONNECT", "CONNECTION_REFUSED", "url"] },
    "black hole": { config: { url: `ws://127.0.0.1:${hole.silent}` }, fails: ["AUTHENTICATE", "TIMED_OUT", "url"] },
    "wrong CA": { config: { url: secured, tls: { ca: otherAuthority } }, fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"] },
    "expired certificate": {
      config: { url: `wss://localhost:${expired.port}`, tls },
      fails: ["TLS", "TLS_EXPIRED", "tls"],
    },
    "wrong name": {
      config: { url: `wss://localhost:${otherName.port}`, tls },
      fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
    },
    "wrong password": {
      config: { url: `${secured}/private`, tls, ...basic("tester", canary("websocket-wrong")) },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "basic.password"],
    },
    "no permission": {
      config: { url: `${secured}/private`, tls, ...basic("outsider") },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "basic.username"],
    },
  });

  test("is opened with headers and subprotocols, and closed without a message", async () => {
    server.closes.length = 0;
    const headers = { "X-Api-Key": canary("websocket-header") };
    const url = `${secured}/stream?from=1`;
    const outcome = await tryConnector("websocket", { url, tls, headers, subprotocols: ["v2.json"] });
    expect(outcome.message).toBe(`WebSocket answered at ${secured}/stream`);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(outcome.report.facts).toContainEqual(expect.objectContaining({ name: "subprotocol", value: "v2.json" }));
    expect(server.requests.at(-1)).toBe("UPGRADE /stream?from=1");
    expect(server.headers.at(-1)).toMatchObject({ "x-api-key": canary("websocket-header"), host: new URL(url).host });
    expect(server.headers.at(-1)).not.toHaveProperty("sec-websocket-extensions");
    await expect.poll(() => server.closes).toEqual([1000]);
    expect(server.messages).toEqual([]);
  });

  test.each([
    ["/private", "AUTHENTICATE", "PASSWORD_MISSING", "basic"],
    ["/404", "CAPABILITY", "NOT_FOUND", "url"],
    ["/302", "CAPABILITY", "REDIRECTED", "url"],
    ["/503", "CAPABILITY", "UNAVAILABLE", "url"],
    ["/200", "CAPABILITY", "NOT_A_WEBSOCKET_ENDPOINT", "url"],
    ["/426", "CAPABILITY", "NOT_A_WEBSOCKET_ENDPOINT", "url"],
    ["/wrong-accept", "CAPABILITY", "NOT_A_WEBSOCKET_ENDPOINT", "url"],
  ])("at %s", async (path, stage, code, field) => {
    const outcome = await tryConnector("websocket", { url: `${server.url}${path}` });
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(outcome.report.steps.some(({ endpoint }) => endpoint.includes("169.254"))).toBe(false);
  });

  test("that speaks none of the subprotocols", async () => {
    const outcome = await tryConnector("websocket", { url: server.url, subprotocols: ["v9"] });
    expect(failure(outcome)).toMatchObject({ code: "SUBPROTOCOL_REFUSED", field: "subprotocols" });
  });

  test("that floods, or does not answer the end, can be used all the same", async () => {
    for (const path of ["/flood", "/deaf"]) {
      expect(await tryConnector("websocket", { url: `${server.url}${path}` })).toMatchObject({ error: false });
      await expect.poll(server.connections).toBe(0);
    }
  });

  test.each([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "NOT_AN_HTTP_SERVER"],
    ["headers without an end", `HTTP/1.1 101 X\r\n${"x-a: b\r\n".repeat(20_000)}`, "TOO_MUCH_DATA"],
    ["nothing", "", "CONNECTION_CLOSED"],
  ])("that answers with %s", async (_, bytes, code) => {
    const other = await startLocalServer((socket) => void socket.once("data", () => socket.end(bytes)));
    const outcome = await tryConnector("websocket", { url: `ws://127.0.0.1:${other.port}` });
    expect(failure(outcome)).toMatchObject({ code, field: "url" });
    await other.close();
  });

  test("is not sent what only shows after substitution that it cannot be a header", async () => {
    const asked = server.requests.length;
    const outcome = await tryConnector("websocket", { url: server.url, headers: { "x-a": "1\r\nhost: elsewhere" } });
    expect(failure(outcome)).toMatchObject({ code: "NOT_SENDABLE" });
    expect(server.requests).toHaveLength(asked);
  });

  test("with a log-in in clear is a warning", async () => {
    const outcome = await tryConnector("websocket", { url: `${server.url}/private`, ...basic("tester") });
    expect(steps(outcome)).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
  });

  test("leaves nothing open when the caller goes", async () => {
    const caller = new AbortController();
    const url = `ws://127.0.0.1:${hole.silent}`;
    const testing = tryConnector("websocket", { url }, { signal: caller.signal });
    await expect.poll(hole.connections).toBe(1);
    caller.abort(new Error("gone"));
    await expect(testing).rejects.toThrow("gone");
    await expect.poll(hole.connections).toBe(0);
  });
});

describe("a configuration for WebSockets", () => {
  const wrong = (init: Init) =>
    (websocket.validate?.(create(WebsocketConfigSchema, init)) ?? []).map(({ field }) => field);

  test("is checked without dialling", () => {
    expect(wrong({ url: "wss://a.example/s", subprotocols: ["v1", "v2"], ...basic("a"), tls: {} })).toEqual([]);
    expect(wrong({ url: "https://a.example" })).toEqual(["url"]);
    expect(wrong({ url: "ws://a.example", tls: {} })).toEqual(["tls"]);
    expect(wrong({ url: "wss://a.example", headers: { "Sec-WebSocket-Protocol": "a" } })).toEqual([
      'headers["Sec-WebSocket-Protocol"]',
    ]);
    expect(wrong({ url: "wss://a.example", subprotocols: ["a b", "c", "c"] })).toEqual([
      "subprotocols[0]",
      "subprotocols[2]",
    ]);
  });

  test("begins where its URL points to", () => {
    expect(websocket.endpoints(create(WebsocketConfigSchema, { url: "wss://a.example/s" }))).toEqual([
      { host: "a.example", port: 443 },
    ]);
  });
});
