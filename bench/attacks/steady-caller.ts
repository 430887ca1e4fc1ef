import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import type { AttackTarget } from "./attack.ts";
import { mcp, toolCall } from "./http1-attacks.ts";

/** What a caller saw of one protocol. */
export interface Seen {
  readonly calls: number;
  readonly failed: number;
  readonly p99: number;
}

/** How often a second, on each protocol. */
const rate = 30;
const timeoutMs = 30_000;
const userId = "alice";

/** Calls at a steady rate, whether earlier calls have been answered or not, over every protocol and to `/healthz`. */
export async function callSteadily(target: AttackTarget, seconds: number): Promise<Record<string, Seen>> {
  const { grpcPort, httpPort, token } = target;
  const headers = { authorization: `Bearer ${token}` };
  const baseUrl = `http://127.0.0.1:${httpPort}`;
  const rpc = (transport: Transport) => {
    const client = createClient(ConnectionService, transport);
    return () => client.countConnections({ userId }, { headers, timeoutMs });
  };
  const toMcp = {
    method: "POST",
    headers: { ...headers, ...mcp },
    body: toolCall("countConnections", `{"userId":"${userId}"}`),
  };
  const calls: Record<string, () => Promise<unknown>> = {
    gRPC: rpc(createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpcPort}` })),
    "gRPC, HTTP port": rpc(createGrpcTransport({ baseUrl })),
    Connect: rpc(createConnectTransport({ baseUrl, httpVersion: "1.1" })),
    "gRPC-Web": rpc(createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
    REST: () => ask(`${baseUrl}/v1/connections:count?userId=${userId}`, { headers }),
    MCP: () => ask(`${baseUrl}/mcp`, toMcp),
    "/healthz": () => ask(`${baseUrl}/healthz`, {}),
  };
  const seen = await Promise.all(
    Object.entries(calls).map(async ([name, call]) => [name, await measure(call, seconds)] as const),
  );
  return Object.fromEntries(seen);
}

async function ask(url: string, init: RequestInit): Promise<void> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  const text = await response.text();
  if (!response.ok || /"isError":true|"error":/.test(text)) throw new Error(`${response.status} ${text}`);
}

async function measure(call: () => Promise<unknown>, seconds: number): Promise<Seen> {
  const times: number[] = [];
  let failed = 0;
  const begun = performance.now();
  const running = Array.from({ length: seconds * rate }, async (_, index) => {
    const due = begun + (index * 1000) / rate;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    await call().catch(() => {
      failed += 1;
    });
    times.push(performance.now() - due);
  });
  await Promise.all(running);
  const sorted = times.toSorted((one, other) => one - other);
  return { calls: times.length, failed, p99: sorted[Math.ceil(times.length * 0.99) - 1] ?? 0 };
}
