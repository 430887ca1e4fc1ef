import { type CallOptions, type Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema, RequestInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { postRpc, toolCall } from "./mcp/post-rpc.ts";

/** Eight brokers at which nothing listens: the report of their test is larger than the limit, no step of it is. */
const brokers = Array.from({ length: 8 }, (_, index) => `127.0.0.1:${index + 1}`).join(",");

/** The three calls: a page of twenty, a page of two, and a stream whose last message is too large. */
type Call = "large page" | "small page" | "stream";

/** What a caller sees of the end of a call. */
interface End {
  readonly code: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly requestIds?: readonly (string | null | undefined)[];
}

let app: TestApp;
let token: string;
let before = 0;
beforeAll(async () => {
  app = await startTestApp({ MAX_MESSAGE_BYTES: "1024" });
  token = await app.token();
  const { connections } = clients(createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` }));
  const headers = { authorization: `Bearer ${token}` };
  for (let index = 10; index < 30; index += 1)
    await connections.createConnection({ userId1: "alice", userId2: `user-${index}` }, { headers });
});
afterAll(() => app.stop());
beforeEach(() => {
  before = app.logged.length;
});

const clients = (transport: Transport) => ({
  connections: createClient(ConnectionService, transport),
  profiles: createClient(ConnectionProfileService, transport),
});

const overConnect =
  (open: () => Transport) =>
  async (call: Call, headers: Record<string, string>): Promise<End> => {
    const { connections, profiles } = clients(open());
    let answered = new Headers();
    const options: CallOptions = {
      headers,
      onHeader: (header) => {
        answered = header;
      },
    };
    try {
      if (call !== "stream")
        await connections.listConnections({ userId: "alice", pageSize: call === "large page" ? 100 : 2 }, options);
      else {
        const config = { connector: { case: "kafka", value: { bootstrapServers: brokers } } } as const;
        await Array.fromAsync(profiles.streamConnectionProfileTest({ config }, options));
      }
      return { code: "OK" };
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      return {
        code: codeName(error.code),
        reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
        message: error.rawMessage,
        requestIds: [
          error.findDetails(RequestInfoSchema)[0]?.requestId,
          answered.get("x-request-id") ?? error.metadata.get("x-request-id"),
        ],
      };
    }
  };

const codeName = (code: Code) => (code === 8 ? "RESOURCE_EXHAUSTED" : String(code));

interface Problem {
  readonly code: string;
  readonly reason: string;
  readonly detail: string;
  readonly requestId: string;
}

const toEnd = (problem: Problem, id: string | null | undefined): End => ({
  code: problem.code,
  reason: problem.reason,
  message: problem.detail,
  requestIds: [problem.requestId, id],
});

async function overRest(call: Call, headers: Record<string, string>): Promise<End> {
  const response =
    call === "stream"
      ? await fetch(`${app.httpUrl}/v1/connection_profiles/test/stream`, {
          method: "POST",
          headers: { ...headers, "content-type": "application/json", accept: "application/x-ndjson" },
          body: JSON.stringify({ connector: "kafka", config: { bootstrap_servers: brokers } }),
        })
      : await fetch(`${app.httpUrl}/v1/connections?user_id=alice&page_size=${call === "large page" ? 100 : 2}`, {
          headers,
        });
  const text = await response.text();
  const id = response.headers.get("x-request-id");
  if (!response.ok) return toEnd(JSON.parse(text), id);
  const { event, data } = call === "stream" ? JSON.parse(text.trim().split("\n").at(-1) ?? "") : {};
  return event === "error" ? toEnd(data, id) : { code: "OK" };
}

async function overMcp(call: Call, headers: Record<string, string>): Promise<End> {
  const asked =
    call === "stream"
      ? toolCall("streamConnectionProfileTest", { config: { kafka: { bootstrapServers: brokers } } })
      : toolCall("listConnections", { userId: "alice", pageSize: call === "large page" ? 100 : 2 });
  const { messages } = await postRpc(app.httpUrl, asked, { headers });
  const { isError, _meta } = messages.at(-1).result;
  return isError === true ? toEnd(_meta["connectory/error"], _meta["connectory/requestId"]) : { code: "OK" };
}

const http = () => ({ baseUrl: app.httpUrl, httpVersion: "1.1" }) as const;
const protocols = [
  ["gRPC", "grpc", overConnect(() => createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` }))],
  ["gRPC over the HTTP port", "grpc", overConnect(() => createGrpcTransport({ baseUrl: app.httpUrl }))],
  ["Connect in JSON", "connect", overConnect(() => createConnectTransport({ ...http(), useBinaryFormat: false }))],
  ["Connect in protobuf", "connect", overConnect(() => createConnectTransport({ ...http(), useBinaryFormat: true }))],
  ["gRPC-Web", "grpc-web", overConnect(() => createGrpcWebTransport(http()))],
  ["REST", "rest", overRest],
  ["MCP", "mcp", overMcp],
] as const;

/** The protocols whose callers know fields by their names in JSON. */
const inJson = ["Connect in JSON", "REST", "MCP"];
const page = "the answer is larger than 1024 bytes: ask for a smaller page_size";
const report =
  "the call was carried out, but its answer is larger than 1024 bytes: it can be sent when the operator of the server sets MAX_MESSAGE_BYTES higher";
const refused = { code: "RESOURCE_EXHAUSTED", reason: "RESPONSE_TOO_LARGE" };

describe.each(protocols)("over %s an answer above MAX_MESSAGE_BYTES", (name, protocol, ask) => {
  test.each<[Call, string, string]>([
    ["large page", "connectory.v1.ConnectionService/ListConnections", page],
    ["stream", "connectory.v1.ConnectionProfileService/StreamConnectionProfileTest", report],
  ])("is refused with its reason, to the caller, in the log and in the metrics: %s", async (call, rpc, message) => {
    const requestId = `${name}-${call}`.replaceAll(" ", "-");
    const counted = await callsCounted(rpc, protocol);
    const end = await ask(call, { authorization: `Bearer ${token}`, "x-request-id": requestId });
    const said = inJson.includes(name) ? message.replace("page_size", "pageSize") : message;
    expect(end).toEqual({ ...refused, message: said, requestIds: [requestId, requestId] });
    await expect.poll(() => callLines(requestId)).toEqual([{ ...refused, level: 30, protocol, rpc }]);
    await expect.poll(() => callsCounted(rpc, protocol)).toBe(counted + 1);
  });

  test("is one of a large page alone: a smaller page is answered", async () => {
    const end = await ask("small page", { authorization: `Bearer ${token}`, "x-request-id": "small" });
    expect(end).toEqual({ code: "OK" });
    await expect.poll(() => callLines("small")).toMatchObject([{ code: "OK", protocol }]);
  });
});

function callLines(requestId: string) {
  return app.logged
    .slice(before)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.msg === "call" && line.requestId === requestId)
    .map(({ level, protocol, rpc, code, reason }) => ({ level, protocol, rpc, code, reason }));
}

/** How many calls of an RPC the metrics have as refused in that way. */
async function callsCounted(rpc: string, protocol: string): Promise<number> {
  const text = await (await fetch(`${app.httpUrl}/metrics`)).text();
  const wanted = ["rpc_server_call_duration_count{", `"${rpc}"`, `"${protocol}"`, '"RESOURCE_EXHAUSTED"'];
  const line = text.split("\n").find((line) => wanted.every((part) => line.includes(part)));
  return Number(line?.slice(line.lastIndexOf(" ")) ?? 0);
}
