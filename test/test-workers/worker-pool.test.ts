import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { PostgresConfigSchema } from "../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage, TestStatus, type TestStep } from "../../gen/connectory/v1/test_report_pb.js";
import { connectors } from "../../src/connectors/registry.ts";
import { parseEgressRules } from "../../src/egress/parse-egress-rules.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from "../../src/test-workers/worker-pool.ts";
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

function threadsWith(options: Partial<WorkerPoolOptions> = {}) {
  const logged: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void logged.push(line) });
  const egress = { allow: [], deny: [], allowLoopback: true };
  const threads = createWorkerPool({ egress, cacheDir, log, maxThreads: 50, ...options });
  opened.push(threads);
  return { threads, logged };
}

async function serve(server: Promise<LocalServer>): Promise<LocalServer> {
  servers.push(await server);
  return server;
}

const { signal } = new AbortController();
/** With a deadline that does not come, unless the test is about it. */
const testOf = (port: number, organizationId = "acme", deadlineMs = 600_000) => ({
  organizationId,
  connector: connectors.postgres,
  config: create(PostgresConfigSchema, { host: "127.0.0.1", port, username: "u", password: "secret" }),
  signal,
  deadlineMs,
});

/** Worker threads of this process. */
const threadCount = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;

describe("openTestThreads", () => {
  test("a thread that takes too much memory is ended; its tests fail, the log says why, the next one works", async () => {
    const server = await serve(flood(2_000_000));
    const { threads, logged } = threadsWith({ maxMemory: 120e6 });
    const outcome = await threads.run(testOf(server.port));
    expect(outcome.error).toBe(true);
    expect(failure(outcome)?.code).toBe("TEST_CRASHED");
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, organizationId: "acme", err: { message: "it used too much memory" }, tests: 1 },
    ]);
    await expect.poll(() => server.open()).toBe(0);
    expect(failure(await threads.run(testOf(await freePort())))?.code).toBe("CONNECTION_REFUSED");
  });

  test("a test that shares the thread of one that crashes fails too, and nothing else is said of it", async () => {
    const hole = await serve(blackHole());
    const hostile = await serve(flood(2_000_000));
    const { threads, logged } = threadsWith({ maxMemory: 120e6 });
    const bystander = threads.run(testOf(hole.port));
    await expect.poll(() => hole.open()).toBe(1);
    const outcomes = await Promise.all([bystander, threads.run(testOf(hostile.port))]);
    expect(outcomes.map(failure)).toMatchObject([{ code: "TEST_CRASHED" }, { code: "TEST_CRASHED" }]);
    expect(outcomes[0]?.message).toContain("in another test of your organization");
    expect(outcomes[0]?.message).not.toMatch(/RangeError|offset|Buffer/);
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([
      { err: { message: "it used too much memory" }, tests: 2 },
    ]);
    expect(logged.join()).not.toContain("secret");
    await expect.poll(() => hole.open() + hostile.open()).toBe(0);
  });

  test("the egress rules hold in the thread", async () => {
    const hole = await serve(blackHole());
    const { rules } = parseEgressRules("127.0.0.0/8");
    const { threads } = threadsWith({ egress: { allow: [], deny: rules, allowLoopback: true } });
    expect(failure(await threads.run(testOf(hole.port)))?.code).toBe("EGRESS_DENIED");
    expect(hole.total()).toBe(0);
  });

  test("an idle thread ends by itself, and close ends all of them, with UNAVAILABLE for their tests", async () => {
    const before = threadCount();
    const hole = await serve(blackHole());
    const { threads } = threadsWith({ idleMs: 50 });
    await threads.run(testOf(await freePort(), "idle"));
    expect(threadCount()).toBeGreaterThan(before);
    await expect.poll(() => threadCount()).toBe(before);

    const running = ["a", "b"].map((name) => threads.run(testOf(hole.port, name)));
    const ended = Promise.all(running.map((run) => expect(run).rejects.toMatchObject({ name: "ApiError" })));
    await expect.poll(() => hole.open()).toBe(2);
    await threads.close();
    await ended;
    await expect.poll(() => [threadCount(), hole.open()]).toEqual([before, 0]);
  });

  test("an idle thread makes room for another organization's", async () => {
    const before = threadCount();
    const { threads } = threadsWith({ maxThreads: 1 });
    await threads.run(testOf(await freePort(), "first"));
    const one = threadCount() - before;
    await threads.run(testOf(await freePort(), "second"));
    await expect.poll(() => threadCount() - before).toBe(one);
  });

  test("no more threads load at a time than may, and one that nobody waits for any more is not started", async () => {
    const before = threadCount();
    const hole = await serve(blackHole());
    // None ends because it has been idle for long.
    const { threads } = threadsWith({ maxLoading: 2, idleMs: 600_000 });
    const end = new AbortController();
    const stay = (name: string) => threads.run({ ...testOf(hole.port, name), signal: end.signal });
    const staying = [stay("a")];
    await expect.poll(() => hole.open()).toBe(1);
    const perThread = threadCount() - before;

    const caller = new AbortController();
    const gone = ["b", "c", "d"].map((name) => threads.run({ ...testOf(hole.port, name), signal: caller.signal }));
    const ended = Promise.all(gone.map((run) => expect(run).rejects.toMatchObject({ name: "AbortError" })));
    caller.abort();
    await ended;
    staying.push(...["e", "f"].map(stay));
    await expect.poll(() => hole.open()).toBe(3);
    // Those of b and c were loading when their callers left.
    await expect.poll(() => (threadCount() - before) / perThread).toBe(5);
    const stayed = Promise.all(staying.map((run) => expect(run).rejects.toMatchObject({ name: "AbortError" })));
    end.abort();
    await stayed;
    expect(hole.total()).toBe(3);
  });

  test.runIf(process.platform === "linux")(
    "a thread gives way to the thread that serves calls, from its start",
    async () => {
      const niceOf = (task: string) =>
        Number(readFileSync(`/proc/self/task/${task}/stat`, "utf8").split(") ").at(-1)?.split(" ")[16]);
      const before = new Set(readdirSync("/proc/self/task"));
      const own = niceOf(`${process.pid}`);
      /** Those of the threads that have come, when it connects. */
      let added: number[] | undefined;
      const hole = await serve(
        startLocalServer(() => {
          added ??= readdirSync("/proc/self/task")
            .filter((task) => !before.has(task))
            .map(niceOf);
        }),
      );
      const { threads } = threadsWith();
      const end = new AbortController();
      const running = threads.run({ ...testOf(hole.port, "nice"), signal: end.signal }).catch(() => undefined);
      await expect.poll(() => added).toContain(own + 10);
      const nices = [...before].map(niceOf);
      expect(new Set(nices)).toEqual(new Set([own]));
      end.abort();
      await running;
    },
  );

  test("a server too busy to begin a test in time says so, and nothing of the target", async () => {
    const hole = await serve(blackHole());
    const { threads } = threadsWith();
    await expect(threads.run(testOf(hole.port, "busy", 1))).rejects.toMatchObject({
      name: "ApiError",
      reason: ErrorReason.TOO_MANY_TESTS,
      detail: { retryAfterMs: 1000 },
    });
    expect(hole.total()).toBe(0);
  });
});

describe("the steps of a test in a thread", () => {
  const inShort = ({ stage, status, number }: TestStep) => `${number} ${TestStage[stage]} ${TestStatus[status]}`;

  test("arrive as they begin and end", async () => {
    const held: Socket[] = [];
    const holding = await serve(startLocalServer((socket) => void held.push(socket)));
    const { threads } = threadsWith();
    const seen: string[] = [];
    const task = { ...testOf(holding.port), onStep: (step: TestStep) => void seen.push(inShort(step)) };
    const running = threads.run(task);
    await expect.poll(() => seen.at(-1), { interval: 10 }).toBe("4 AUTHENTICATE RUNNING");
    await expect.poll(() => held.length).toBe(1);
    for (const socket of held) socket.destroy();
    const { report } = await running;
    expect(seen.slice(0, 8)).toEqual([
      "1 RESOLVE RUNNING",
      "1 RESOLVE PASSED",
      "2 EGRESS RUNNING",
      "2 EGRESS PASSED",
      "3 CONNECT RUNNING",
      "3 CONNECT PASSED",
      "0 TLS SKIPPED",
      "4 AUTHENTICATE RUNNING",
    ]);
    const endings = seen.filter((step) => !step.endsWith("RUNNING"));
    expect(endings).toEqual(report.steps.map(inShort).slice(0, endings.length));
  });

  test("are all in the report of a thread that was ended by force, what ran as failed", async () => {
    // A message of pg that never ends: its parser does not come back.
    const hostile = await serve(
      startLocalServer((socket) => socket.once("data", () => socket.write(Buffer.from("450000000553535353", "hex")))),
    );
    const { threads } = threadsWith({ terminationDelayMs: 100, idleMs: 600_000 });
    const attack = async (deadlineMs: number) => {
      await threads.run(testOf(await freePort())); // The thread has started.
      return threads.run(testOf(hostile.port, "acme", deadlineMs));
    };
    const outcome = await endedByDeadline(attack, isTerminated);
    expect(outcome.error).toBe(true);
    expect(outcome.report.steps.map(inShort)).toEqual([
      "1 RESOLVE PASSED",
      "2 EGRESS PASSED",
      "3 CONNECT PASSED",
      "0 TLS SKIPPED",
      "4 AUTHENTICATE FAILED",
      "0 AUTHORIZE NOT_EXECUTED",
      "0 CAPABILITY NOT_EXECUTED",
    ]);
    expect(failure(outcome)?.code).toBe("TIMED_OUT");
  });
});
