import type { Client } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { socketsOf } from "../../app/open-sockets.ts";
import { blackHole, type LocalServer } from "../../connectors/local-server.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { connectMcp, eras } from "./connect-mcp.ts";
import { modernToolCall, postRpc, toolCall } from "./post-rpc.ts";

let app: TestApp;
let token: string;
let hole: LocalServer;
const clients: Client[] = [];
beforeAll(async () => {
  app = await startTestApp({ TEST_TIMEOUT_MS: "60000" });
  token = await app.token();
  hole = await blackHole();
});
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));
afterAll(async () => {
  await app.stop();
  await hole.close();
});

async function connect(era: (typeof eras)[number]): Promise<Client> {
  const client = await connectMcp(app.httpUrl, token, era);
  clients.push(client);
  return client;
}

const configOf = (port: number) => ({
  config: { postgres: { host: "127.0.0.1", port, username: "ann", password: canary("mcp-progress") } },
});
const sockets = () => socketsOf(process.pid, [hole.port]);
const lines = () =>
  app.logged
    .map((line) => JSON.parse(line) as { msg: string; rpc: string; code: string })
    .filter(({ msg }) => msg === "call");

const tools = ["testConnectionProfile", "streamConnectionProfileTest"];
describe.each(eras.flatMap((era) => tools.map((tool) => [tool, era] as const)))("%s, a client of %s", (name, era) => {
  test("tells of its steps in their order before it answers, when it is asked to", async () => {
    const told: { progress: number; message?: string | undefined }[] = [];
    const client = await connect(era);
    let answered = false;
    const answer = await client.callTool(
      { name, arguments: configOf(await freePort()) },
      {
        onprogress: (step) => {
          expect(answered).toBe(false);
          told.push(step);
        },
      },
    );
    answered = true;
    expect(told.map(({ progress }) => progress)).toEqual(told.map((_, index) => index + 1));
    const said = told.map(({ message }) => message ?? "");
    expect(said[0]).toMatch(/^127\.0\.0\.1:\d+: Resolving the name …$/);
    expect(said.findIndex((text) => text.includes("Connecting …"))).toBeLessThan(
      said.findIndex((text) => text.includes("nothing listens there")),
    );
    const result = answer.structuredContent as { message: string; report: { steps: object[] } };
    expect(said.at(-1)).toBe(result.message);
    expect(result).toMatchObject({ error: true, done: true, report: { steps: expect.any(Array) } });
    expect(JSON.stringify(told)).not.toContain(canary(""));
  });

  test("says nothing before its answer when nobody asks", async () => {
    const silent = await postRpc(app.httpUrl, toolCall(name, configOf(await freePort())), {
      token,
    });
    expect(silent.messages).toHaveLength(1);
  });

  test("tells while it goes on, and closes its sockets when it is cancelled", async () => {
    const client = await connect(era);
    const caller = new AbortController();
    const told: string[] = [];
    const call = client.callTool(
      { name, arguments: configOf(hole.port) },
      { signal: caller.signal, onprogress: ({ message = "" }) => void told.push(message) },
    );
    const ended = expect(call).rejects.toThrow();
    await expect.poll(sockets).toBe(1);
    await expect.poll(() => told.length).toBeGreaterThan(3);
    caller.abort();
    await ended;
    await expect.poll(sockets, { interval: 20 }).toBe(0);
    await expect.poll(() => lines().at(-1)).toMatchObject({ code: "CANCELLED" });
  });

  test("ends with a caller whose connection breaks", async () => {
    const gone = new AbortController();
    const legacy = { body: toolCall(name, configOf(hole.port)), headers: {} };
    const { body, headers } = era === "legacy" ? legacy : modernToolCall(name, configOf(hole.port));
    const ended = expect(postRpc(app.httpUrl, body, { token, headers, signal: gone.signal })).rejects.toThrow();
    await expect.poll(sockets).toBe(1);
    gone.abort();
    await ended;
    await expect.poll(sockets, { interval: 20 }).toBe(0);
    await expect.poll(() => lines().at(-1)).toMatchObject({ code: "CANCELLED" });
  });
});

describe("a cancellation in a request of its own", () => {
  const call = (id: unknown, bearer = token) =>
    postRpc(app.httpUrl, toolCall("testConnectionProfile", configOf(hole.port), id), {
      token: bearer,
    });
  const cancel = (requestId: unknown, bearer = token) =>
    postRpc(
      app.httpUrl,
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } },
      { token: bearer },
    );

  test("ends the call of that id and token, with an answer that says so, and no other", async () => {
    const other = await app.token({ org: "other" });
    const calls = [call(1), call("1"), call(1, other)];
    await expect.poll(sockets).toBe(3);
    await cancel(2);
    await cancel(1, await app.token({ user: "eve" }));
    await cancel(1);
    const { messages } = (await calls[0]) ?? { messages: [] };
    expect(messages).toMatchObject([
      { id: 1, result: { isError: true, _meta: { "connectory/error": { reason: "CANCELLED" } } } },
    ]);
    await expect.poll(sockets).toBe(2);
    await cancel("1");
    await cancel(1, other);
    await Promise.all(calls);
    await expect.poll(sockets).toBe(0);
  });

  test("ends none when it is not clear which: two clients with one token have used one id", async () => {
    const leaving = new AbortController();
    const body = toolCall("testConnectionProfile", configOf(hole.port), 5);
    const calls = [1, 2].map(() =>
      postRpc(app.httpUrl, body, { token, signal: leaving.signal }).catch(() => undefined),
    );
    await expect.poll(sockets).toBe(2);
    expect((await cancel(5)).status).toBe(202);
    expect(await sockets()).toBe(2);
    leaving.abort();
    await Promise.all(calls);
    await expect.poll(sockets).toBe(0);
  });
});

test("a stop waits for a call that runs, and takes no more", async () => {
  const own = await startTestApp();
  const target = await blackHole();
  const bearer = await own.token();
  const body = toolCall("testConnectionProfile", configOf(target.port));
  const call = postRpc(own.httpUrl, body, { token: bearer });
  await expect.poll(() => target.open()).toBe(1);
  const stopped = own.stop();
  const late = await postRpc(own.httpUrl, body, { token: bearer });
  expect(late.messages).toMatchObject([{ result: { _meta: { "connectory/error": { reason: "STOPPING" } } } }]);
  await target.close(); // and the call ends, because its target hangs up
  expect((await call).messages).toMatchObject([{ result: { structuredContent: { done: true, error: true } } }]);
  await stopped;
});
