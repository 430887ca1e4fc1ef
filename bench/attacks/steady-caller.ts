import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import type { AttackTarget } from "./attack.ts";

/** What a caller saw of one protocol. */
export interface Seen {
  readonly calls: number;
  readonly failed: number;
  readonly p99: number;
}

/** How often a second, on each protocol. */
const rate = 30;

/** Calls at a steady rate, whether earlier calls have been answered or not, over gRPC, REST and to `/healthz`. */
export async function callSteadily(target: AttackTarget, seconds: number): Promise<Record<string, Seen>> {
  const bearer = { authorization: `Bearer ${target.token}` };
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${target.grpcPort}` });
  const client = createClient(ConnectionService, transport);
  const base = `http://127.0.0.1:${target.httpPort}`;
  const get = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(base + path, { headers, signal: AbortSignal.timeout(30_000) });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${response.status}`);
  };
  const calls: Record<string, () => Promise<unknown>> = {
    gRPC: () => client.countConnections({ userId: "alice" }, { headers: bearer, timeoutMs: 30_000 }),
    REST: () => get("/v1/connections:count?userId=alice", bearer),
    "/healthz": () => get("/healthz", {}),
  };
  const seen = await Promise.all(
    Object.entries(calls).map(async ([name, call]) => [name, await measure(call, seconds)] as const),
  );
  return Object.fromEntries(seen);
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
