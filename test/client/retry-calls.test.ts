import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { createConnectoryClient, orderedPair } from "../../src/client/node/index.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { openFaultProxy } from "./open-fault-proxy.ts";
import { failure, serveScripted } from "./serve-scripted.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A server whose every call fails so often, and then succeeds; `calls` has the number of each. */
async function failing(times: number, error: () => unknown, options: object = {}) {
  const calls: number[] = [];
  const answer = () => {
    calls.push(calls.length + 1);
    if (calls.length <= times) throw error();
    return {};
  };
  const { baseUrl, stop } = await serveScripted({
    getConnection: answer,
    createConnection: answer,
    batchCreateConnections: answer,
  });
  stops.push(stop);
  const { connections } = createConnectoryClient({ baseUrl, token: "any", retry: { baseMs: 20 }, ...options });
  return { calls, connections };
}

const unavailable = () => failure(ErrorReason.DATABASE_UNAVAILABLE);
const pair = { userId1: "a", userId2: "b" };
const codeOf = (error: unknown) => Code[ConnectError.from(error).code];

describe("what is tried again", () => {
  test("a read, when the server is not there for a moment", async () => {
    const { calls, connections } = await failing(2, unavailable);
    await connections.getConnection({ id: "x" });
    expect(calls).toHaveLength(3);
  });

  test("a write with a request_id, and none without", async () => {
    const named = await failing(1, unavailable);
    await named.connections.createConnection({ ...pair, requestId: randomUUID() });
    expect(named.calls).toHaveLength(2);
    const nameless = await failing(1, unavailable);
    expect(codeOf(await nameless.connections.createConnection(pair).catch((error) => error))).toBe("Unavailable");
    expect(nameless.calls).toHaveLength(1);
  });

  test("a batch in which every request has one, and none in which one has not", async () => {
    const [named, nameless] = [{ ...pair, requestId: randomUUID() }, pair];
    const whole = await failing(1, unavailable);
    await whole.connections.batchCreateConnections({ requests: [named, named] });
    expect(whole.calls).toHaveLength(2);
    const partial = await failing(1, unavailable);
    await partial.connections.batchCreateConnections({ requests: [named, nameless] }).catch(() => {});
    expect(partial.calls).toHaveLength(1);
    const empty = await failing(1, unavailable);
    await empty.connections.batchCreateConnections({ requests: [] }).catch(() => {});
    expect(empty.calls).toHaveLength(1);
  });

  test.each([
    ["ABORTED", () => failure(ErrorReason.ETAG_MISMATCH)],
    ["INVALID_ARGUMENT", () => failure(ErrorReason.FIELD_INVALID)],
    ["INTERNAL", () => failure(ErrorReason.INTERNAL)],
    ["NOT_FOUND", () => failure(ErrorReason.CONNECTION_NOT_FOUND)],
    ["RESOURCE_EXHAUSTED without a time to come back", () => failure(ErrorReason.QUEUE_FULL)],
  ])("not %s", async (_name, error) => {
    const { calls, connections } = await failing(1, error);
    await expect(connections.getConnection({ id: "x" })).rejects.toThrow("as the test says");
    expect(calls).toHaveLength(1);
  });

  test("nothing when it is turned off", async () => {
    const { calls, connections } = await failing(1, unavailable, { retry: false });
    await expect(connections.getConnection({ id: "x" })).rejects.toThrow("as the test says");
    expect(calls).toHaveLength(1);
  });
});

describe("against the real server", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  test("a read lives through an outage of the database", async () => {
    const client = createConnectoryClient({ baseUrl: app.httpUrl, transport: "connect", token: await app.token() });
    await app.breakDatabase();
    const read = client.connections.countConnections({ userId: "alice" });
    const refusedReads = () =>
      app.logged.filter((line) => line.includes("CountConnections") && line.includes("UNAVAILABLE"));
    await expect.poll(refusedReads).not.toEqual([]);
    await app.mendDatabase();
    expect(await read).toMatchObject({ count: 0 });
  });

  test.each(["grpc", "connect", "grpc-web"] as const)(
    "a call that finds nobody comes again, over %s",
    async (transport) => {
      const protocol = await openFaultProxy(transport === "grpc" ? app.app.grpcPort : app.app.httpPort);
      stops.push(() => protocol.close());
      const options = { transport, token: await app.token(), retry: { baseMs: 300, maxAttempts: 20 } };
      const { connections } = createConnectoryClient({ baseUrl: `http://${protocol.address}`, ...options });
      protocol.refuse(true);
      const users = orderedPair(`a-${transport}`, `b-${transport}`);
      const read = connections.countConnections({ userId: "alice" });
      const write = connections.createConnection({ ...users, requestId: randomUUID() });
      await expect(connections.createConnection(users)).rejects.toThrow("no connection to");
      await sleep(200);
      protocol.refuse(false);
      expect(await read).toMatchObject({ count: 0 });
      expect((await write).connection).toMatchObject(users);
    },
  );
});

describe("how it waits", () => {
  test("as long as the server asks for, and no shorter", async () => {
    const { calls, connections } = await failing(1, () => failure(ErrorReason.QUEUE_FULL, { retryAfterMs: 300 }));
    const timers = vi.spyOn(globalThis, "setTimeout");
    await connections.getConnection({ id: "x" });
    const pauses = timers.mock.calls.map(([, ms = 0]) => ms).filter((ms) => ms >= 300 && ms <= 320);
    timers.mockRestore();
    expect(calls).toHaveLength(2);
    expect(pauses).toHaveLength(1);
  });

  test("at most maxAttempts times; the last error is thrown", async () => {
    const { calls, connections } = await failing(100, unavailable, { retry: { maxAttempts: 3, baseMs: 5 } });
    expect(codeOf(await connections.getConnection({ id: "x" }).catch((error) => error))).toBe("Unavailable");
    expect(calls).toHaveLength(3);
  });

  test("not beyond the deadline: the error is thrown at once when the next try would be too late", async () => {
    const { calls, connections } = await failing(1, () => failure(ErrorReason.QUEUE_FULL, { retryAfterMs: 50_000 }));
    const error = await connections.getConnection({ id: "x" }, { timeoutMs: 40_000 }).catch((thrown) => thrown);
    expect(codeOf(error)).toBe("ResourceExhausted");
    expect(calls).toHaveLength(1);
  });

  test("not an hour, even without a deadline", async () => {
    const { connections } = await failing(1, () => failure(ErrorReason.QUEUE_FULL, { retryAfterMs: 3_600_000 }));
    const error = await connections.getConnection({ id: "x" }, { timeoutMs: 0 }).catch((thrown) => thrown);
    expect(codeOf(error)).toBe("ResourceExhausted");
  });

  test("not for a caller who has left", async () => {
    const { calls, connections } = await failing(1, () => failure(ErrorReason.QUEUE_FULL, { retryAfterMs: 50_000 }));
    const caller = new AbortController();
    const gone = expect(connections.getConnection({ id: "x" }, { signal: caller.signal })).rejects.toThrow();
    await expect.poll(() => calls.length).toBe(1);
    caller.abort();
    await gone;
    expect(calls).toHaveLength(1);
  });
});

describe("the deadline of a call", () => {
  /** A server that notes how long each call has, and answers `x` alone. */
  const noting = async (options: object) => {
    const left: number[] = [];
    const { baseUrl, stop } = await serveScripted({
      getConnection: ({ id }, context) => {
        left.push(context.timeoutMs() ?? Number.NaN);
        if (id === "x") return {};
        return new Promise((_resolve, reject) => {
          context.signal.addEventListener("abort", () => reject(context.signal.reason));
        });
      },
    });
    stops.push(stop);
    return { left, ...createConnectoryClient({ baseUrl, token: "any", ...options }) };
  };
  const between = (min: number, max: number) => expect.toSatisfy((left: number) => left > min && left <= max);

  test("is that of the client, unless the call has its own", async () => {
    const { left, connections } = await noting({ timeoutMs: 600_000 });
    await connections.getConnection({ id: "x" });
    await connections.getConnection({ id: "x" }, { timeoutMs: 400_000 });
    expect(left).toEqual([between(400_000, 600_000), between(0, 400_000)]);
    const late = connections.getConnection({ id: "never answered" }, { timeoutMs: 300 });
    expect(codeOf(await late.catch((error) => error))).toBe("DeadlineExceeded");
  });

  test("is 30 seconds when nobody says otherwise", async () => {
    const { left, connections } = await noting({});
    await connections.getConnection({ id: "x" });
    expect(left).toEqual([between(10_000, 30_000)]);
  });
});
