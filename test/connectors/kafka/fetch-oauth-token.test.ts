import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { blackHole, type LocalServer, pem, startLocalServer } from "../local-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";
import { fakeBroker } from "./fake-broker.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A token endpoint that answers as it is told, and what it was asked. */
async function tokenEndpoint(status: number, answer: unknown, { secure = false, headers = {} } = {}) {
  const asked: Asked[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  };
  const keys = { cert: pem("server"), key: pem("server-key") };
  const server = secure ? createSecureServer(keys, serve) : createServer(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return { asked, url: `${secure ? "https" : "http"}://localhost:${port}/oauth/token?tenant=a` };
}

/** A broker that takes every token, and the tokens that it got. */
async function broker() {
  const tokens: string[] = [];
  const server: LocalServer = await startLocalServer((socket) =>
    fakeBroker(socket, {
      advertise: [{ host: "localhost", port: server.port }],
      topics: { a: 0 },
      complaint: "",
      onRequest: (_, request) => {
        const token = /auth=Bearer ([^\p{C}]+)/u.exec(request.toString("latin1"))?.[1];
        if (token !== undefined) tokens.push(token);
      },
    }),
  );
  closers.push(server.close);
  return { tokens, server };
}

const secret = canary("oauth secret+/:%");
const sasl = { protocol: "SASL_PLAINTEXT", mechanism: "OAUTHBEARER", username: "client:1", password: secret };
const token = canary("oauth-token");

type More = { oauthScope?: string; oauthClientAuthentication?: string; username?: string };

async function run(endpoint: { readonly url: string }, more: More = {}) {
  const { tokens, server } = await broker();
  const config = { bootstrapServers: server.endpoint, sasl: { ...sasl, oauthTokenEndpoint: endpoint.url, ...more } };
  return { outcome: await tryConnector("kafka", config), tokens, server };
}

describe("a token endpoint", () => {
  test("is asked with the client's id and secret, and its token is handed to every broker", async () => {
    const endpoint = await tokenEndpoint(200, { access_token: token, token_type: "Bearer", expires_in: 60 });
    const { outcome, tokens } = await run(endpoint, { oauthScope: "kafka read" });
    expect(failure(outcome)).toBeUndefined();
    expect(outcome.error).toBe(false);
    expect(tokens).toEqual([token, token]);
    const [request, ...more] = endpoint.asked;
    expect(more).toEqual([]);
    expect(request).toMatchObject({ method: "POST", url: "/oauth/token?tenant=a" });
    expect(request?.body).toBe("grant_type=client_credentials&scope=kafka+read");
    expect(request?.headers).toMatchObject({ "content-type": "application/x-www-form-urlencoded" });
    const basic = Buffer.from(request?.headers.authorization?.slice("Basic ".length) ?? "", "base64").toString();
    expect(basic.split(":").map(decodeURIComponent)).toEqual(["client:1", secret]);
    const [atEndpoint, atBroker] = steps(outcome).filter((step) => step.startsWith("AUTHENTICATE"));
    expect(atEndpoint).toBe("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
    expect(atBroker).toBe("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
    expect(JSON.stringify(outcome.report.steps.map(({ hint, endpoint: at }) => [hint, at]))).not.toContain(canary(""));
  });

  test.each([
    ["", "client+1", `Basic ${btoa(`client%2B1:${encodeURIComponent(secret)}`)}`, ""],
    ["client_secret_basic", "client+1", `Basic ${btoa(`client%2B1:${encodeURIComponent(secret)}`)}`, ""],
    ["client_secret_basic_raw", "client+1", `Basic ${btoa(`client+1:${secret}`)}`, ""],
    [
      "client_secret_post",
      "client:1",
      undefined,
      `&client_id=client%3A1&client_secret=${new URLSearchParams({ a: secret }).toString().slice(2)}`,
    ],
  ])("gets id and secret as %j says, and only so", async (oauthClientAuthentication, username, header, form) => {
    const endpoint = await tokenEndpoint(200, { access_token: token });
    const { outcome } = await run(endpoint, { oauthClientAuthentication, username });
    expect(failure(outcome)).toBeUndefined();
    const [request] = endpoint.asked;
    expect(request?.headers.authorization).toBe(header);
    expect(request?.body).toBe(`grant_type=client_credentials${form}`);
  });

  test.each(["client_secret_basic", "client_secret_basic_raw", "client_secret_post"])(
    "that refuses id and secret is told how they were sent: %s",
    async (oauthClientAuthentication) => {
      const endpoint = await tokenEndpoint(401, { error: "invalid_client" });
      const { outcome } = await run(endpoint, { oauthClientAuthentication, username: "client" });
      const failed = failure(outcome);
      expect(failed).toMatchObject({ code: "PASSWORD_WRONG", field: "sasl.password" });
      expect(failed?.hint).toContain(`(${oauthClientAuthentication})`);
      expect(failed?.hint).toContain("sasl.oauth_client_authentication");
      expect(failed?.hint).not.toContain(canary(""));
    },
  );

  test("in TLS is trusted with tls.ca and not without", async () => {
    const endpoint = await tokenEndpoint(200, { access_token: token }, { secure: true });
    const { outcome, tokens } = await run(endpoint);
    expect(failure(outcome)).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
    expect([endpoint.asked, tokens]).toEqual([[], []]);
  });

  test.each([
    [401, { error: "invalid_client" }, "PASSWORD_WRONG", "sasl.password"],
    [400, { error: "invalid_client" }, "PASSWORD_WRONG", "sasl.password"],
    [400, { error: "invalid_scope" }, "SCOPE_REFUSED", "sasl.oauth_scope"],
    [400, { error: "unauthorized_client" }, "PERMISSION_DENIED", "sasl.username"],
    [403, "no", "PERMISSION_DENIED", "sasl.username"],
    [503, "later", "UNAVAILABLE", "sasl.oauth_token_endpoint"],
    [404, "<html>", "NOT_A_TOKEN_ENDPOINT", "sasl.oauth_token_endpoint"],
    [200, "<html>", "NOT_A_TOKEN_ENDPOINT", "sasl.oauth_token_endpoint"],
    [200, "null", "NOT_A_TOKEN_ENDPOINT", "sasl.oauth_token_endpoint"],
    [200, { access_token: 7 }, "NOT_A_TOKEN_ENDPOINT", "sasl.oauth_token_endpoint"],
    [200, { access_token: "a\u0001auth=x" }, "NOT_A_TOKEN_ENDPOINT", "sasl.oauth_token_endpoint"],
  ])("that answers %i %j", async (status, answer, code, field) => {
    const { outcome, tokens, server } = await run(await tokenEndpoint(status, answer));
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(steps(outcome)).toContain(`AUTHENTICATE FAILED ${code}`);
    expect(tokens).toEqual([]);
    await expect.poll(() => server.open()).toBe(0);
  });

  test("that answers without end", async () => {
    const { outcome } = await run(await tokenEndpoint(200, "a".repeat(2_000_000)));
    expect(failure(outcome)).toMatchObject({ code: "TOO_MUCH_DATA", field: "sasl.oauth_token_endpoint" });
  });

  test("that redirects is not followed", async () => {
    const aside = await tokenEndpoint(200, { access_token: token });
    const { outcome } = await run(await tokenEndpoint(307, "", { headers: { location: aside.url } }));
    expect(failure(outcome)?.code).toBe("NOT_A_TOKEN_ENDPOINT");
    expect(aside.asked).toEqual([]);
  });

  test("is judged by the egress policy, and nothing is said to the broker before", async () => {
    const { outcome, tokens } = await run({ url: "https://169.254.169.254/token" });
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", field: "sasl.oauth_token_endpoint" });
    expect(tokens).toEqual([]);
  });

  test("that never answers ends with the caller, and the broker's socket with it", async () => {
    const [hole, { server }] = [await blackHole(), await broker()];
    closers.push(hole.close);
    const caller = new AbortController();
    const config = {
      bootstrapServers: server.endpoint,
      sasl: { ...sasl, oauthTokenEndpoint: `http://127.0.0.1:${hole.port}/` },
    };
    const running = tryConnector("kafka", config, { signal: caller.signal }).catch((error: unknown) => error);
    await expect.poll(() => hole.open()).toBe(1);
    caller.abort(new Error("gone"));
    expect(await running).toMatchObject({ message: "gone" });
    await expect.poll(() => [hole.open(), server.open()]).toEqual([0, 0]);
  });
});
