import { Agent, request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { freePort } from "../../support/free-port.ts";
import { createRandom } from "../../support/random.ts";
import { type FuzzRequest, mutateRequest } from "./mutate-request.ts";
import { postRpc, rpc, toolCall } from "./post-rpc.ts";
import { type Known, toolCases } from "./tool-cases.ts";

/** FUZZ_SEED repeats a run. */
const seed = Number(process.env.FUZZ_SEED ?? 1 + Math.floor(Math.random() * 2_147_483_645));
/** What only stands in data of another organization: in no request, so in no answer either. */
const theirs = "their-canary-5b1d";
const atOnce = 16;
/** Nothing that is asked for here takes a second; a request that takes that long hangs. */
const timeoutMs = 60_000;

let app: TestApp;
const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "error", TEST_TIMEOUT_MS: "500" });
});
afterAll(async () => {
  agent.destroy();
  await app.stop();
});

function send({ headers, body }: FuzzRequest): Promise<{ status: number; text: string }> {
  const bytes = Buffer.from(body);
  return new Promise((resolve, reject) => {
    const options = { method: "POST", agent, headers: { ...headers, "content-length": bytes.length } };
    const request = httpRequest(new URL("/mcp", app.httpUrl), options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text })).on("error", reject);
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error("it hangs")));
    request.on("error", reject).end(bytes);
  });
}

/** Data of another organization, and ids of it that the fuzzer may know. */
async function plant(): Promise<string[]> {
  const token = await app.token({ org: "theirs", user: theirs });
  const call = async (name: string, args: object) =>
    (await postRpc(app.httpUrl, toolCall(name, args), { token })).messages[0].result.structuredContent;
  const { connection } = await call("createConnection", { userId1: "alice", userId2: theirs });
  const config = { postgres: { host: `${theirs}.example`, username: theirs, password: "secret" } };
  const { connectionProfile } = await call("createConnectionProfile", { name: theirs, labels: { a: theirs }, config });
  await call("createConnectionProfile", { name: `${theirs}-2`, config });
  const { nextPageToken } = await call("listConnectionProfiles", { pageSize: 1 });
  return [connection.id, connectionProfile.id, connectionProfile.etag, nextPageToken];
}

/** Requests that are right, of every kind, in both forms of the protocol. */
async function corpus(token: string): Promise<FuzzRequest[]> {
  const known: Known = {
    connection: "01920000-0000-7000-8000-000000000000",
    profile: "cp_0000000000000000",
    etag: "x",
    revision: "1",
    closed: await freePort(),
    catalog: "http://127.0.0.1:1",
  };
  const calls = toolCases.flatMap(({ tool, good, bad }) => [toolCall(tool, good(known)), toolCall(tool, bad(known))]);
  const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "fuzz", version: "1" } };
  const bodies = [
    rpc("initialize", hello),
    rpc("tools/list"),
    rpc("ping"),
    { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } },
    { jsonrpc: "2.0", method: "notifications/initialized" },
    { jsonrpc: "2.0", id: 1, result: {} },
    [rpc("ping", {}, 1), ...calls.slice(0, 4)],
    rpc("tools/call", { name: "testConnectionProfile", arguments: {}, _meta: { progressToken: 1 } }),
    ...calls,
  ];
  const base = {
    authorization: `Bearer ${token}`,
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
  };
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const modern = [
    ...calls,
    rpc("tools/list"),
    rpc("server/discover"),
    rpc("subscriptions/listen", { notifications: {} }),
  ];
  return [
    ...bodies.map((body) => ({ headers: base, body: JSON.stringify(body) })),
    ...modern.map((body) => {
      const { method, params } = body as { method: string; params: { name?: string } };
      const name = params.name === undefined ? {} : { "mcp-name": params.name };
      const headers = { ...base, "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...name };
      return { headers, body: JSON.stringify({ ...body, params: { ...params, _meta: meta } }) };
    }),
  ];
}

/** Sends so many. */
export function fuzzMcp(count: number): void {
  test(
    `${count} requests that are wrong somewhere: no failure of ours, nothing of others, and the server lives`,
    {
      timeout: 600_000,
    },
    () => sendWrong(count),
  );
}

async function sendWrong(count: number): Promise<void> {
  process.stderr.write(`fuzzing /mcp: FUZZ_SEED=${seed}\n`);
  const ids = await plant();
  const requests = await corpus(await app.token());
  const random = createRandom(seed).below;
  const statuses = new Map<number, number>();
  let sent = 0;
  const worker = async () => {
    while (sent < count) {
      const request = mutateRequest(requests[sent++ % requests.length] as FuzzRequest, random, ids);
      const { status, text } = await send(request).catch((cause: Error) => {
        throw new Error(`${cause.message}: ${JSON.stringify(request).slice(0, 2000)}`, { cause });
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const wrong = status >= 500 || text.includes(theirs) || /"code":-32603|"INTERNAL"/.test(text);
      if (wrong) throw new Error(`${status} ${text.slice(0, 500)}\nfor ${JSON.stringify(request).slice(0, 2000)}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  process.stderr.write(`${sent} requests: ${JSON.stringify(Object.fromEntries(statuses))}\n`);
  // It must have got somewhere: most of what it sends is understood in part.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(count / 5);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(count / 20);
  const alive = await postRpc(app.httpUrl, toolCall("countConnections", { userId: theirs }), {
    token: await app.token(),
  });
  expect(alive.messages[0].result.structuredContent).toEqual({ count: 0 });
  expect(app.logged).toEqual([]);
}
