import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectMcp, eras } from "./connect-mcp.ts";
import { postRpc, rpc, toolCall } from "./post-rpc.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "trace" });
});
afterAll(() => app.stop());

describe.each(eras)("callers one after the other, clients of %s", (era) => {
  test("each is who its own token says, whoever called first: nothing of a caller stays", async () => {
    const organizations = [`one-${era}`, `two-${era}`];
    const clients = await Promise.all(
      organizations.map(async (org) => connectMcp(app.httpUrl, await app.token({ org, user: `user-of-${org}` }), era)),
    );
    // In turn, so that a token that was kept from the call before would show.
    for (const pair of [1, 2, 3])
      for (const [index, client] of clients.entries()) {
        const userId1 = `alice-${organizations[index]}`;
        const { structuredContent } = await client.callTool({
          name: "createConnection",
          arguments: { userId1, userId2: `bob-${pair}` },
        });
        expect(structuredContent).toMatchObject({
          connection: { _owner: `user-of-${organizations[index]}` },
          revision: String(pair),
        });
      }
    for (const [index, client] of clients.entries())
      for (const [other, organization] of organizations.entries()) {
        const { structuredContent } = await client.callTool({
          name: "countConnections",
          arguments: { userId: `alice-${organization}` },
        });
        expect(structuredContent).toEqual({ count: index === other ? 3 : 0 });
      }
    await Promise.all(clients.map((client) => client.close()));
  });

  test("a hundred at once are not mixed up", async () => {
    const clients = await Promise.all(
      ["east", "west"].map(async (name) => {
        const org = `${name}-${era}`;
        return { org, client: await connectMcp(app.httpUrl, await app.token({ org, user: org }), era) };
      }),
    );
    const calls = Array.from({ length: 100 }, async (_, index) => {
      const { org, client } = clients[index % 2] ?? { org: "", client: undefined };
      const args = { userId1: `a-${index}`, userId2: `b-${index}` };
      const answer = await client?.callTool({ name: "createConnection", arguments: args });
      expect(answer?.structuredContent).toMatchObject({ connection: { _owner: org } });
    });
    await Promise.all(calls);
    await Promise.all(clients.map(({ client }) => client.close()));
  });
});

test("a token that expires in between is refused at the next call, on the same connection", async () => {
  const issuer = app.app.localIssuer;
  const expired = await issuer?.issue({ userId: "eve", organizationId: "acme", roles: ["admin"], lifetime: "-1h" });
  const { status, headers, messages } = await postRpc(app.httpUrl, rpc("tools/list"), { token: expired ?? "" });
  expect(status).toBe(401);
  expect(headers.get("www-authenticate")).toMatch(
    /^Bearer error="invalid_token", error_description="the token has expired/,
  );
  expect(messages).toMatchObject([{ id: null, error: { data: { reason: "TOKEN_EXPIRED" } } }]);
  await expect(connectMcp(app.httpUrl, expired ?? "")).rejects.toThrow();
});

test("the id of a request is the caller's where it is fit, in the answer, the error and the log", async () => {
  const token = await app.token();
  const headers = { "x-request-id": "agent-7" };
  const answer = await postRpc(app.httpUrl, toolCall("getConnector", { id: "none" }), { token, headers });
  expect(answer.headers.get("x-request-id")).toBe("agent-7");
  expect(answer.messages[0].result._meta).toMatchObject({
    "connectory/error": { requestId: "agent-7" },
    "connectory/requestId": "agent-7",
  });
  const line = app.logged
    .map((text) => JSON.parse(text))
    .find(({ requestId, msg }) => requestId === "agent-7" && msg === "call");
  expect(line).toMatchObject({
    protocol: "mcp",
    rpc: "connectory.v1.ConnectionProfileService/GetConnector",
    code: "NOT_FOUND",
  });
  const unfit = await postRpc(app.httpUrl, rpc("ping"), { token, headers: { "x-request-id": "a b" } });
  expect(unfit.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test("no token is in the log, not even at its lowest level, nor in any answer", async () => {
  const token = await app.token({ user: "mallory" });
  const texts: string[] = [];
  for (const [body, headers] of [
    [rpc("tools/list"), {}],
    [toolCall("createConnection", { userId1: "a", userId2: "b" }), {}],
    [toolCall("createConnection", { userId1: 1 }), {}],
    [toolCall(token), {}],
    ["{", {}],
    [{ jsonrpc: "2.0", id: 1, result: { token } }, {}],
    [rpc("tools/list"), { "mcp-protocol-version": token }],
    [rpc("tools/list"), { origin: `https://${token.slice(0, 20)}.example` }],
    [rpc("tools/list"), { authorization: `Basic ${token}` }],
    [rpc("tools/list"), { authorization: `Bearer ${token}x` }],
  ] as const)
    texts.push((await postRpc(app.httpUrl, body, { token, headers })).text);
  const [, , signature = ""] = token.split(".");
  expect(app.logged.length).toBeGreaterThan(5);
  expect(app.logged.filter((line) => line.includes(signature) || line.includes(token.slice(0, 60)))).toEqual([]);
  // What a caller puts into the name of a tool or of a version is told to that caller and to nobody else.
  const repeated = texts.filter((text) => text.includes(signature));
  expect(repeated.length).toBeLessThanOrEqual(1);
});
