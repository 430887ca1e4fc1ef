import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { PostgresConfigSchema } from "../../gen/connectory/v1/postgres_config_pb.js";
import { connectors } from "../../src/connectors/registry.ts";
import { openSharedWorker } from "../../src/test-workers/shared-worker.ts";
import type { WorkerPool, WorkerPoolOptions } from "../../src/test-workers/worker-pool.ts";
import { flood } from "../connectors/flood.ts";
import { blackHole, type LocalServer, startLocalServer } from "../connectors/local-server.ts";
import { failure, isTerminated } from "../connectors/run-probe.ts";
import { endedByDeadline } from "../support/ended-by-deadline.ts";
import { freePort } from "../support/free-port.ts";

const cacheDir = join(import.meta.dirname, "../../.cache/compiled");
const servers: LocalServer[] = [];
const opened: WorkerPool[] = [];
afterEach(async () => {
  for (const threads of opened.splice(0)) await threads.close();
  for (const server of servers.splice(0)) await server.close();
});

function sharedWorker(options: Partial<WorkerPoolOptions> = {}) {
  const logged: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void logged.push(line) });
  const egress = { allow: [], deny: [], allowLoopback: true };
  const threads = openSharedWorker({ egress, cacheDir, log, maxThreads: 50, maxMemory: 120e6, ...options });
  opened.push(threads);
  return { threads, logged };
}

async function serve(server: Promise<LocalServer>): Promise<LocalServer> {
  servers.push(await server);
  return server;
}

/** More than a thread may keep. */
const flooding = () => serve(flood(2_000_000));
/** A message from which pg's parser does not come back. */
const spinning = () =>
  serve(
    startLocalServer((socket) => socket.once("data", () => socket.write(Buffer.from("450000000553535353", "hex")))),
  );

const { signal } = new AbortController();
const testOf = (port: number, organizationId: string, deadlineMs = 600_000) => ({
  organizationId,
  connector: connectors.postgres,
  config: create(PostgresConfigSchema, { host: "127.0.0.1", port, username: "u", password: "secret" }),
  signal,
  deadlineMs,
});

/** What a test is told whose target leaves before it has answered. */
const endOfHole = /^(CONNECTION_CLOSED|CONNECTION_RESET)$/;

/** Worker threads of this process. */
const threadCount = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;

describe("the shared worker", () => {
  test("is one thread for all organizations, as long as nobody's target does harm", async () => {
    // However long it takes to cancel them, it stays.
    const { threads, logged } = sharedWorker({ terminationDelayMs: 600_000 });
    const hole = await serve(blackHole());
    const before = threadCount();
    const end = new AbortController();
    const [first, ...others] = Array.from({ length: 12 }, (_, n) =>
      threads.run({ ...testOf(hole.port, `org-${n}`), signal: end.signal }),
    );
    await expect.poll(() => hole.open()).toBe(12);
    const withTests = threadCount() - before;
    const ended = Promise.all(
      [first, ...others].map((run) => expect(run).rejects.toMatchObject({ name: "AbortError" })),
    );
    end.abort();
    await ended;
    expect(hole.total()).toBe(12);
    expect(withTests).toBe((await oneThread()) as number);
    expect(logged).toEqual([]);
  });

  /** How many resources of that name a thread is. */
  async function oneThread(): Promise<number> {
    const before = threadCount();
    const { threads } = sharedWorker();
    await threads.run(testOf(await freePort(), "alone"));
    return threadCount() - before;
  }

  test.each([
    ["takes too much memory", flooding],
    ["does not come back", spinning],
  ])("that %s costs the others a moment, and its own organization the test", async (_, hostileServer) => {
    const { threads } = sharedWorker();
    const hole = await serve(blackHole());
    const hostile = await hostileServer();
    const closed = await freePort();
    const bystander = threads.run(testOf(hole.port, "innocent"));
    await expect.poll(() => hole.open()).toBe(1);
    const attack = (deadlineMs?: number) => threads.run(testOf(hostile.port, "culprit", deadlineMs));
    // What does not come back is ended by its deadline.
    const culprit = hostileServer === spinning ? endedByDeadline(attack, isTerminated) : attack();
    await expect.poll(() => hostile.total()).toBeGreaterThan(0);
    const quick = await threads.run(testOf(closed, "third"));
    expect(failure(quick)?.code).toBe("CONNECTION_REFUSED");
    expect(["TEST_CRASHED", "TIMED_OUT"]).toContain(failure(await culprit)?.code);
    // It was tried again in a thread of its own, and is told the truth.
    await expect.poll(() => hole.total()).toBe(2);
    await hole.close();
    expect(failure(await bystander)?.code).toMatch(endOfHole);
  });

  test("is not for an organization that has spoilt it: its next test is alone from the beginning", async () => {
    const { threads, logged } = sharedWorker();
    const hostile = await flooding();
    expect(failure(await threads.run(testOf(hostile.port, "culprit")))?.code).toBe("TEST_CRASHED");
    expect(logged.map((line) => JSON.parse(line).organizationId)).toEqual([undefined, "culprit"]);
    const hole = await serve(blackHole());
    const bystander = threads.run(testOf(hole.port, "innocent"));
    await expect.poll(() => hole.open()).toBe(1);
    expect(failure(await threads.run(testOf(hostile.port, "culprit")))?.code).toBe("TEST_CRASHED");
    expect(hole.total()).toBe(1);
    await hole.close();
    expect(failure(await bystander)?.code).toMatch(endOfHole);
    expect(logged).toHaveLength(3);
  });

  test("that closes ends everything, with UNAVAILABLE for its tests", async () => {
    const { threads } = sharedWorker();
    const hole = await serve(blackHole());
    const running = threads.run(testOf(hole.port, "a"));
    const ended = expect(running).rejects.toMatchObject({ name: "ApiError" });
    await expect.poll(() => hole.open()).toBe(1);
    await threads.close();
    await ended;
    await expect.poll(() => hole.open()).toBe(0);
  });
});
