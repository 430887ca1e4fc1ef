import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { PostgresConfigSchema } from "../../gen/connectory/v1/postgres_config_pb.js";
import { connectors } from "../../src/connectors/registry.ts";
import { ApiError } from "../../src/errors/api-error.ts";
import type { TargetLimits } from "../../src/test-workers/limit-targets.ts";
import { openSharedWorker } from "../../src/test-workers/shared-worker.ts";
import type { WorkerPool } from "../../src/test-workers/worker-pool.ts";
import { flood } from "../connectors/flood.ts";
import { blackHole, type LocalServer, startLocalServer } from "../connectors/local-server.ts";
import { failure } from "../connectors/run-probe.ts";

const servers: LocalServer[] = [];
const opened: WorkerPool[] = [];
afterEach(async () => {
  for (const threads of opened.splice(0)) await threads.close();
  for (const server of servers.splice(0)) await server.close();
});

async function serve(server: Promise<LocalServer>): Promise<LocalServer> {
  servers.push(await server);
  return server;
}

interface Start {
  readonly organizationId: string;
  readonly host?: string;
  readonly port: number;
  readonly discover?: boolean;
}

function testsWith(targetLimits: TargetLimits) {
  const egress = { allow: [], deny: [], allowLoopback: true };
  const log = pino({ level: "silent" });
  const threads = openSharedWorker({ egress, log, maxThreads: 50, maxMemory: 120e6, targetLimits });
  opened.push(threads);
  /** A test that runs until its caller leaves, or it is refused or ended. */
  const start = ({ organizationId, host = "127.0.0.1", port, discover = false }: Start) => {
    const caller = new AbortController();
    const discovery = discover ? { parent: "", pageSize: 10, cursor: "" } : undefined;
    const config = create(PostgresConfigSchema, { host, port, username: "u", password: "p" });
    const { signal } = caller;
    const run = threads.run({
      organizationId,
      connector: connectors.postgres,
      config,
      discovery,
      signal,
      deadlineMs: 600_000,
    });
    const refusal = run.then(
      () => undefined,
      (error: unknown) => (error instanceof ApiError ? error : undefined),
    );
    return { run, refusal, leave: () => caller.abort() };
  };
  return start;
}

/** What is said when somebody else's tests are in the way: the words of a server that is full. */
const full = {
  reason: ErrorReason.TOO_MANY_TESTS,
  message: "this server runs as many tests as it can at present: try again in a moment",
  detail: { retryAfterMs: 1000 },
};

const oneEach: TargetLimits = { total: 1, perOrganization: 1 };

describe("tests that dial one address and port", () => {
  test("are counted together, whatever name each organization knows it by", async () => {
    const hole = await serve(blackHole());
    const start = testsWith({ total: 2, perOrganization: 2 });
    const at = (organizationId: string, host: string) => start({ organizationId, host, port: hole.port });
    at("a", "127.0.0.1");
    await expect.poll(() => hole.open()).toBe(1);
    at("b", "localhost");
    await expect.poll(() => hole.open()).toBe(2);
    for (const host of ["LOCALHOST", "localhost.", "127.0.0.1", "::ffff:127.0.0.1"])
      expect(await at("c", host).refusal).toMatchObject(full);
    expect(hole.total()).toBe(2);
    // Another port is another target.
    const other = await serve(blackHole());
    start({ organizationId: "c", port: other.port });
    await expect.poll(() => other.open()).toBe(1);
  });

  test("leave each organization its share, and what one has above it ends for that", async () => {
    const hole = await serve(blackHole());
    const start = testsWith({ total: 3, perOrganization: 2 });
    const at = (organizationId: string) => start({ organizationId, port: hole.port });
    const first = at("a");
    await expect.poll(() => hole.total()).toBe(1);
    const second = at("a");
    await expect.poll(() => hole.total()).toBe(2);
    expect(await at("a").refusal).toMatchObject({
      ...full,
      message:
        "your organization runs 2 tests at once already at an address that this test dials: try again in a moment",
    });
    at("b");
    await expect.poll(() => hole.total()).toBe(3);
    at("c");
    expect(await second.refusal).toMatchObject(full);
    await expect.poll(() => [hole.total(), hole.open()]).toEqual([4, 3]);
    expect(await at("d").refusal).toMatchObject(full);
    first.leave();
    await expect.poll(() => hole.open()).toBe(2);
    at("d");
    await expect.poll(() => [hole.total(), hole.open()]).toEqual([5, 3]);
  });

  test("are counted when they are discoveries", async () => {
    const hole = await serve(blackHole());
    const start = testsWith(oneEach);
    start({ organizationId: "a", port: hole.port, discover: true });
    await expect.poll(() => hole.open()).toBe(1);
    expect(await start({ organizationId: "b", port: hole.port }).refusal).toMatchObject(full);
    expect(await start({ organizationId: "b", port: hole.port, discover: true }).refusal).toMatchObject(full);
    expect(hole.total()).toBe(1);
  });
});

/** Asks until a test of somebody else is let in there. */
async function expectFree(start: ReturnType<typeof testsWith>, { port, total }: LocalServer): Promise<void> {
  const dialed = total();
  const isLetIn = async () => {
    const next = start({ organizationId: "next", port });
    let refused = false;
    void next.refusal.then((why) => {
      refused = why !== undefined;
    });
    await expect.poll(() => refused || total() > dialed).toBe(true);
    next.leave();
    await next.refusal;
    return !refused;
  };
  await expect.poll(isLetIn, { interval: 100 }).toBe(true);
}

describe("a target is free again when a test of it", () => {
  test("ends by itself", async () => {
    const hole = await serve(startLocalServer((socket) => void socket.on("data", () => socket.destroy())));
    const start = testsWith(oneEach);
    for (const organizationId of ["a", "b", "c"]) {
      const outcome = await start({ organizationId, port: hole.port }).run;
      expect(failure(outcome)?.code).toMatch(/^(CONNECTION_CLOSED|CONNECTION_RESET)$/);
    }
  });

  test("is left by its caller", async () => {
    const hole = await serve(blackHole());
    const start = testsWith(oneEach);
    const left = start({ organizationId: "a", port: hole.port });
    await expect.poll(() => hole.open()).toBe(1);
    left.leave();
    await left.refusal;
    await expectFree(start, hole);
  });

  test("crashed, in the thread of all and in the one of its organization", async () => {
    const hostile = await serve(flood(2_000_000));
    const start = testsWith(oneEach);
    for (const _ of ["the thread of all", "its own"]) {
      const outcome = await start({ organizationId: "a", port: hostile.port }).run;
      expect(failure(outcome)?.code).toBe("TEST_CRASHED");
      await expectFree(start, hostile);
    }
  });

  test("was ended by force", async () => {
    // A message from which pg's parser does not come back.
    const spinning = startLocalServer((socket) =>
      socket.once("data", () => socket.write(Buffer.from("450000000553535353", "hex"))),
    );
    const hostile = await serve(spinning);
    const start = testsWith(oneEach);
    const left = start({ organizationId: "a", port: hostile.port });
    // In the thread of all, which is ended because it does not answer, and then in one of its own, which nobody asks.
    await expect.poll(() => hostile.total()).toBe(2);
    left.leave();
    await left.refusal;
    await expectFree(start, hostile);
  });
});
