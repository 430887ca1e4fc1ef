import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type HandlerContext, type MethodImpl } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectionService, GetConnectionResponseSchema } from "../../gen/connectory/v1/connection_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/health/v1/health_pb.js";
import { serveGrpc } from "../../src/server/grpc/grpc-server.ts";
import { serveHttp } from "../../src/server/http-server.ts";
import { startTestApp } from "../support/app.ts";
import { loadShedderForTests } from "../support/load-shedder.ts";

/** GetConnection as a handler that takes as long as the test wants and remembers what its signal said. */
let finish = () => {};
let seen: { context: HandlerContext; aborted: Promise<unknown> } | undefined;
const slow = (async (_request, context) => {
  const aborted = new Promise((resolve) =>
    context.signal.addEventListener("abort", () => resolve(context.signal.reason)),
  );
  seen = { context, aborted };
  await Promise.race([new Promise<void>((resolve) => (finish = resolve)), aborted]);
  context.signal.throwIfAborted();
  return create(GetConnectionResponseSchema);
}) as MethodImpl<DescMethodUnary>;

const routes = [{ kind: "unary" as const, method: ConnectionService.method.getConnection, implementation: slow }];
const open = {
  host: "127.0.0.1",
  port: 0,
  routes,
  interceptors: [],
  observe: [],
  preBody: [],
  access: [],
  maxMessageBytes: 1024,
  tls: undefined,
  connectionLimits: { total: 100, perAddress: 100 },
  httpPort: 0,
};

async function startProtocols() {
  const grpc = await serveGrpc({ ...open, shedder: loadShedderForTests() });
  const http = await serveHttp({
    ...open,
    corsOrigins: [],
    plugins: [],
    checkHealth: async () => undefined,
    connectionLimits: { total: 1000, perAddress: 1000 },
    shedder: loadShedderForTests(),
    log: pino({ level: "silent" }),
  });
  const transports = {
    grpc: createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpc.port}` }),
    connect: createConnectTransport({ baseUrl: `http://127.0.0.1:${http.port}`, httpVersion: "1.1" }),
  };
  return {
    grpc,
    http,
    transports,
    client: (protocol: "grpc" | "connect") => createClient(ConnectionService, transports[protocol]),
  };
}

/** A Connect client gives up at its own deadline; this one waits for what the server says. */
async function connectWithTimeout(port: number): Promise<never> {
  const response = await fetch(`http://127.0.0.1:${port}/connectory.v1.ConnectionService/GetConnection`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-timeout-ms": "3000" },
    body: "{}",
  });
  const { code } = (await response.json()) as { code: string };
  throw new ConnectError("", code === "deadline_exceeded" ? Code.DeadlineExceeded : Code.Unknown);
}

describe.each(["grpc", "connect"] as const)("a call over %s", (protocol) => {
  let protocols: Awaited<ReturnType<typeof startProtocols>>;
  beforeAll(async () => {
    protocols = await startProtocols();
  });
  afterAll(async () => {
    await Promise.all([protocols.grpc.stop(0), protocols.http.stop(0)]);
  });
  beforeEach(() => {
    seen = undefined;
  });

  test("that the caller cancels aborts the verb's signal", async () => {
    const aborter = new AbortController();
    const call = protocols.client(protocol).getConnection({}, { signal: aborter.signal });
    await expect.poll(() => seen).toBeDefined();
    aborter.abort();
    await expect(call).rejects.toMatchObject({ code: Code.Canceled });
    await expect(seen?.aborted).resolves.toBeDefined();
  });

  test("whose deadline passes is DEADLINE_EXCEEDED, and the verb's signal says so", async () => {
    const call =
      protocol === "grpc"
        ? protocols.client("grpc").getConnection({}, { timeoutMs: 3000 })
        : connectWithTimeout(protocols.http.port);
    await expect.poll(() => seen).toBeDefined();
    const left = seen?.context.timeoutMs() ?? Number.NaN;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(3000);
    await expect(call).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    expect(ConnectError.from(await seen?.aborted).code).toBe(Code.DeadlineExceeded);
  });

  test("without a deadline has none", async () => {
    const call = protocols.client(protocol).getConnection({});
    await expect.poll(() => seen).toBeDefined();
    finish();
    await call;
    expect(seen?.context.timeoutMs()).toBeUndefined();
    expect(seen?.context.signal.aborted).toBe(protocol === "connect");
  });
});

describe("a stop", () => {
  test.each(["grpc", "connect"] as const)("lets a running call over %s end, and refuses new ones", async (protocol) => {
    seen = undefined;
    const protocols = await startProtocols();
    const running = protocols.client(protocol).getConnection({});
    await expect.poll(() => seen).toBeDefined();
    const stopped = Promise.all([protocols.grpc.stop(600_000), protocols.http.stop(600_000)]);
    finish();
    await expect(running).resolves.toBeDefined();
    await stopped;
    const port = protocol === "grpc" ? protocols.grpc.port : protocols.http.port;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  test("cuts off what takes longer than the grace", async () => {
    seen = undefined;
    const protocols = await startProtocols();
    const running = protocols.client("grpc").getConnection({});
    await expect.poll(() => seen).toBeDefined();
    const [outcome] = await Promise.allSettled([running, protocols.grpc.stop(100), protocols.http.stop(100)]);
    expect(outcome.status).toBe("rejected");
  });

  test("turns the health to NOT_SERVING for those who watch it", async () => {
    const app = await startTestApp();
    const transport = createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` });
    const health = createClient(Health, transport);
    const statuses: Serving[] = [];
    const watching = (async () => {
      for await (const { status } of health.watch({ service: ConnectionService.typeName })) statuses.push(status);
    })().catch(() => {});
    await expect.poll(() => statuses).toEqual([Serving.SERVING]);
    await app.app.stop();
    await watching;
    expect(statuses).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
    await app.stop();
  });
});

test("the health follows the database", async () => {
  const app = await startTestApp({ LOG_LEVEL: "warn" });
  const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` }));
  expect((await health.check({})).status).toBe(Serving.SERVING);
  await app.breakDatabase();
  await expect.poll(async () => (await fetch(`${app.httpUrl}/readyz`)).status).toBe(503);
  expect((await fetch(`${app.httpUrl}/healthz`)).status).toBe(200);
  expect((await health.check({})).status).toBe(Serving.NOT_SERVING);
  await app.mendDatabase();
  await expect.poll(async () => (await health.check({})).status).toBe(Serving.SERVING);
  await app.stop();
});
