import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  ConnectionProfileService,
  TestConnectionProfileRequestSchema,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { openLocalIssuer } from "../../src/auth/local-issuer.ts";
import { failureOf } from "../connection-profiles/expect-error.ts";
import { blackHole, type LocalServer } from "../connectors/local-server.ts";
import { canary } from "../support/canary.ts";
import { connectClients } from "../support/clients.ts";
import { frameOf, openRawGrpc, type RawGrpc } from "../support/raw-grpc.ts";
import { startServer } from "../support/server-process.ts";
import { startBlackHole } from "../support/servers/black-hole.ts";
import { socketsOf } from "./open-sockets.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-holes-"));
const stack: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

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
/** As many as are cancelled together: three of each organization. */
const cancelled = 60;

/** Ten tests of each organization, one after the other: 200 calls that come in the same instant are felt whatever they ask. */
function askAll<T>(count: number, everyMs: number, ask: (index: number) => Promise<T>): Promise<T>[] {
  return Array.from({ length: count }, async (_, index) => {
    await sleep(everyMs * index);
    return ask(index);
  });
}

const requestFor = (port: number) => ({
  config: {
    connector: {
      case: "postgres" as const,
      value: { host: "127.0.0.1", port, username: "ann", password: canary("holes") },
    },
  },
});

const rpcPath = (rpc: string) => `/${ConnectionProfileService.typeName}/${rpc}`;

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
  return askAll(cancelled, everyMs, async (index) => {
    const rpc = index % 40 < 20 ? "TestConnectionProfile" : "StreamConnectionProfileTest";
    const port = portOf(index);
    const frame = frames.get(port) ?? frameFor(port);
    frames.set(port, frame);
    return callers[index % callers.length]?.call(rpcPath(rpc), frame, signal);
  });
}

describe.runIf(process.platform === "linux")("many tests of 20 organizations against black holes, at once", () => {
  test("leave no socket after they are cancelled", { timeout: 300_000 }, async () => {
    const hole = await startBlackHole();
    stack.push(hole.stop);
    const { server, tokenOf } = await start("cancelled", {
      TESTS_MAX: `${cancelled}`,
      TESTS_MAX_PER_TARGET: `${cancelled}`,
      TESTS_MAX_PER_ADDRESS: `${cancelled}`,
      // Its own end does not come: what closes a socket is that its caller has gone.
      TEST_TIMEOUT_MS: "60000",
    });
    const sockets = () => socketsOf(server.child.pid ?? 0, [hole.silent, hole.full]);
    const callers = await Promise.all(
      organizations.map(async (id) => openRawGrpc(server.grpcAddress, await tokenOf(id))),
    );
    stack.push(async () => callers.forEach((caller) => void caller.close()));
    // A third of them cannot even connect.
    const portOf = (index: number) => (index % 3 < 2 ? hole.silent : hole.full);
    /** Whether all of them were there together: on a busy machine the first may have given up before the last begins. */
    const askAndLeave = async () => {
      const caller = new AbortController();
      let ended = 0;
      let together = false;
      const calls = askWith(callers, { portOf, everyMs: 2, signal: caller.signal }).map((call) =>
        call.finally(() => {
          ended += 1;
        }),
      );
      const look = async () => {
        together = (await sockets()) === cancelled;
        return together || ended > 0;
      };
      await expect.poll(look, { interval: 250 }).toBe(true);
      caller.abort();
      await expect.poll(sockets, { interval: 100 }).toBe(0);
      await Promise.all(calls);
      return together;
    };
    let rounds = 0;
    for (let attempt = 0; rounds < 3 && attempt < 10; attempt++) if (await askAndLeave()) rounds += 1;
    expect(rounds).toBe(3);
  });

  test("are let in as far as the limits go, and the others are told when to come back", {
    timeout: 300_000,
  }, async () => {
    const holes: LocalServer[] = await Promise.all(Array.from({ length: 40 }, blackHole));
    for (const hole of holes) stack.push(hole.close);
    const { server, clientOf } = await start("limits", { TEST_TIMEOUT_MS: "60000" });
    const clients = await Promise.all(organizations.map(async (id) => (await clientOf(id)).client));
    const caller = new AbortController();
    const portOf = (index: number) => holes[Math.floor(index / 5)]?.port ?? 0;
    const refused: Awaited<ReturnType<typeof failureOf>>[] = [];
    const calls = askAll(organizations.length * testsEach, 10, async (index) => {
      const client = clients[index % organizations.length];
      if (client === undefined) throw new Error("no client");
      const failure = await failureOf(client.testConnectionProfile(requestFor(portOf(index)), caller));
      if (!caller.signal.aborted) refused.push(failure);
    });
    await expect.poll(() => refused.length).toBe(150);
    for (const { code, reason, retry, message } of refused)
      expect([code, reason, retry, message]).toEqual([
        "ResourceExhausted",
        "TOO_MANY_TESTS",
        true,
        "this server runs as many tests as it can at present: try again in a moment",
      ]);
    const ports = holes.map(({ port }) => port);
    const sockets = () => socketsOf(server.child.pid ?? 0, ports);
    await expect.poll(sockets, { interval: 100 }).toBe(50);
    caller.abort();
    await expect.poll(sockets, { interval: 100 }).toBe(0);
    await Promise.all(calls);
  });
});
