import { mkdtemp, rm } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  ConnectionProfileService,
  GetConnectionProfileRequestSchema,
  TestConnectionProfileRequestSchema,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { openLocalIssuer } from "../../src/auth/local-issuer.ts";
import { failureOf } from "../connection-profile/failure-of.ts";
import { blackHole, type LocalServer } from "../connectors/local-server.ts";
import { canary } from "../support/canary.ts";
import { connectClients } from "../support/clients.ts";
import { frameOf, openRawGrpc, type RawGrpc } from "../support/raw-grpc.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { startBlackHole } from "../support/servers/black-hole.ts";
import { percentile, startSteadyLoad } from "../support/steady-load.ts";
import { socketsOf } from "./sockets-of.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-holes-"));
const stack: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type ProfileClient = Client<typeof ConnectionProfileService>;

async function start(name: string, environment: Record<string, string>) {
  const dataDir = join(folder, name);
  const server = await startServer({ DATA_DIR: dataDir, ...environment });
  stack.push(() => server.end("SIGTERM"));
  const issuer = await openLocalIssuer(dataDir);
  const tokenOf = (organizationId: string) =>
    issuer.issue({ userId: "ann", organizationId, roles: ["admin"], lifetime: "1h" });
  const clientOf = async (organizationId: string) => {
    const token = await tokenOf(organizationId);
    return { token, client: connectClients(ConnectionProfileService, server, token).grpc };
  };
  return { server, tokenOf, clientOf };
}

const organizations = Array.from({ length: 20 }, (_, index) => `org-${index}`);
const testsEach = 10;

/** Ten tests of each organization, one after the other: 200 calls that come in the same instant are felt whatever they ask. */
function askAll<T>(everyMs: number, ask: (index: number) => Promise<T>): Promise<T>[] {
  return Array.from({ length: organizations.length * testsEach }, async (_, index) => {
    await sleep(everyMs * index);
    return ask(index);
  });
}

/** As many calls count, of each kind: p99 of fewer depends on chance. */
const countedCalls = 3000;
const maxRounds = 10;

const requestFor = (port: number) => ({
  config: {
    connector: {
      case: "postgres" as const,
      value: { host: "127.0.0.1", port, username: "ann", password: canary("holes") },
    },
  },
});

const rpcPath = (rpc: string) => `/${ConnectionProfileService.typeName}/${rpc}`;

/** A request to read a profile that was just kept. */
async function readingOf(client: ProfileClient) {
  const value = { host: "db.example", port: 5432, username: "ann" };
  const config = { connector: { case: "postgres" as const, value } };
  const { connectionProfile } = await client.createConnectionProfile({ name: "read all the time", config });
  const request = create(GetConnectionProfileRequestSchema, { id: connectionProfile?.id ?? "" });
  return toBinary(GetConnectionProfileRequestSchema, request);
}

/** Half of the tests are read as streams; the requests of both RPCs have the same fields. */
function askWith(
  callers: readonly RawGrpc[],
  { portOf, everyMs, signal }: { portOf: (index: number) => number; everyMs: number; signal?: AbortSignal },
) {
  const frameFor = (port: number) => {
    const request = create(TestConnectionProfileRequestSchema, requestFor(port));
    return frameOf(toBinary(TestConnectionProfileRequestSchema, request));
  };
  const frames = new Map<number, Buffer>();
  return askAll(everyMs, async (index) => {
    const rpc = index % 40 < 20 ? "TestConnectionProfile" : "StreamConnectionProfileTest";
    const port = portOf(index);
    const frame = frames.get(port) ?? frameFor(port);
    frames.set(port, frame);
    return callers[index % callers.length]?.call(rpcPath(rpc), frame, signal);
  });
}

async function loadOf(server: ServerProcess, { token, client }: { token: string; client: ProfileClient }) {
  const load = await startSteadyLoad({
    grpcAddress: server.grpcAddress,
    token,
    path: rpcPath("GetConnectionProfile"),
    request: Buffer.from(await readingOf(client)).toString("base64"),
    perSecond: 150,
  });
  stack.push(load.stop);
  const during = async <T>(work: () => Promise<T>) => {
    await load.take();
    await work();
    const { failed, ...latencies } = await load.take();
    expect(failed).toBe(0);
    return latencies;
  };
  return during;
}

describe.runIf(process.platform === "linux")("200 tests of 20 organizations against black holes, at once", () => {
  test("do not slow down GetConnectionProfile, and leave no socket a second after they are cancelled", {
    timeout: 600_000,
    // On a shared machine a neighbour can spoil one measurement; what is slow is slow in all of them.
    retry: 2,
  }, async () => {
    const hole = await startBlackHole();
    stack.push(hole.stop);
    const { server, clientOf, tokenOf } = await start(`slow-${performance.now()}`, {
      TESTS_MAX: "200",
      TESTS_MAX_PER_TARGET: "200",
    });
    const pid = server.child.pid ?? 0;
    const sockets = () => socketsOf(pid, [hole.silent, hole.full]);
    const callers = await Promise.all(
      organizations.map(async (id) => openRawGrpc(server.grpcAddress, await tokenOf(id))),
    );
    stack.push(async () => callers.forEach((caller) => void caller.close()));
    const measure = await loadOf(server, await clientOf("reader"));
    // Whoever asks shares two processors with what is measured, and 200 clients are more work than 200 tests: they give way.
    setPriority(0, 19);
    // A third of them cannot even connect, and give up after a third of their time: they are the last to begin.
    const portOf = (index: number) => (index < 134 ? hole.silent : hole.full);
    const allThere = () => expect.poll(sockets, { timeout: 30_000, interval: 250 }).toBe(200);
    const noneLeft = async () => {
      await sleep(1000);
      expect(await sockets()).toBe(0);
    };
    // They are gone a second after they are cancelled. Often, because a server that has just started compiles: code that
    // runs for the first times is slow whatever it waits for.
    for (let round = 0; round < 8; round++) {
      const caller = new AbortController();
      const calls = askWith(callers, { portOf, everyMs: 2, signal: caller.signal });
      await allThere();
      caller.abort();
      await noneLeft();
      await Promise.all(calls);
    }

    // On shared hardware neighbours take a processor for a while, which is several times what is looked for: calls in such
    // moments are left out, with and without tests alike.
    const alone: number[] = [];
    const life: number[] = [];
    const all = { alone: [] as number[], life: [] as number[] };
    for (let round = 0; round < maxRounds && Math.min(alone.length, life.length) < countedCalls; round++) {
      const quiet = await measure(() => sleep(10_000));
      // From the first call to the last report, with the default deadline of 10 s.
      const busy = await measure(async () => {
        const calls = askWith(callers, { portOf, everyMs: 10 });
        await allThere();
        expect(new Set(await Promise.all(calls))).toEqual(new Set(["0"]));
      });
      alone.push(...quiet.calmMs);
      life.push(...busy.calmMs);
      all.alone.push(...quiet.latenciesMs);
      all.life.push(...busy.latenciesMs);
      await noneLeft();
    }
    const p99 = (latencies: readonly number[]) => percentile(latencies, 0.99);
    const figures = (latencies: readonly number[]) => `${p99(latencies).toFixed(1)} of ${latencies.length}`;
    process.stderr.write(
      `GetConnectionProfile, p99 in ms: ${figures(alone)} calls alone, ${figures(life)} in the life of 200 tests; with those that neighbours delayed ${figures(all.alone)} and ${figures(all.life)}\n`,
    );
    expect(Math.min(alone.length, life.length), "calls that no neighbour delayed").toBeGreaterThan(1000);
    expect(p99(alone), "p99 of a quiet server: where it is more, the machine is too busy to tell").toBeLessThan(50);
    // A millisecond is what a measurement of a few milliseconds on a shared machine differs by from itself.
    expect(p99(life)).toBeLessThan(p99(alone) * 1.2 + 1);
  });

  test("are let in as far as the limits go, and the others are told when to come back", {
    timeout: 60_000,
  }, async () => {
    const holes: LocalServer[] = await Promise.all(Array.from({ length: 40 }, blackHole));
    for (const hole of holes) stack.push(hole.close);
    const { server, clientOf } = await start("limits", { TEST_TIMEOUT_MS: "30000" });
    const clients = await Promise.all(organizations.map(async (id) => (await clientOf(id)).client));
    const caller = new AbortController();
    const portOf = (index: number) => holes[Math.floor(index / 5)]?.port ?? 0;
    const refused: Awaited<ReturnType<typeof failureOf>>[] = [];
    const calls = askAll(10, async (index) => {
      const client = clients[index % organizations.length];
      if (client === undefined) throw new Error("no client");
      const failure = await failureOf(client.testConnectionProfile(requestFor(portOf(index)), caller));
      if (!caller.signal.aborted) refused.push(failure);
    });
    await expect.poll(() => refused.length, { timeout: 10_000 }).toBe(150);
    for (const { code, reason, retry, message } of refused)
      expect([code, reason, retry, message]).toEqual([
        "ResourceExhausted",
        "TOO_MANY_TESTS",
        true,
        "this server runs 50 tests at once already: try again in a moment",
      ]);
    const ports = holes.map(({ port }) => port);
    const sockets = () => socketsOf(server.child.pid ?? 0, ports);
    await expect.poll(sockets, { timeout: 20_000, interval: 100 }).toBe(50);
    caller.abort();
    await sleep(1000);
    expect(await sockets()).toBe(0);
    await Promise.all(calls);
  });
});
