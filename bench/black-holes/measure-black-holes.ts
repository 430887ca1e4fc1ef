import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  ConnectionProfileService,
  GetConnectionProfileRequestSchema,
  TestConnectionProfileRequestSchema,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { connectClients } from "../../test/support/clients.ts";
import { frameOf, openRawGrpc } from "../../test/support/raw-grpc.ts";
import { startBlackHole } from "../../test/support/servers/black-hole.ts";
import type { Compare } from "../compare.ts";
import { median } from "../median.ts";
import { startConnectory } from "../start-connectory.ts";
import { percentile, type SteadyLoad, startSteadyLoad } from "./steady-load.ts";

const organizations = 20;
const testsEach = 10;
/** A call of a few milliseconds differs by that from itself. */
const allowance = { ratio: 1.2, ms: 1 };

const rpcPath = (rpc: string) => `/${ConnectionProfileService.typeName}/${rpc}`;

/**
 * p99 of GetConnectionProfile, 150 a second, alone and during the whole life of 200 tests of 20 organizations whose targets never
 * answer. The two take turns, and the medians of the rounds are compared. Calls during which another machine on the same hardware
 * took a processor are left out of both.
 */
export const measureBlackHoles: Compare = async ({ folder, rounds, stack, say }) => {
  const limits = { TESTS_MAX: "200", TESTS_MAX_PER_TARGET: "200", TESTS_MAX_PER_ADDRESS: "200", LOG_LEVEL: "error" };
  const server = await startConnectory(`${folder}/black-holes`, limits);
  stack.defer(server.stop);
  const hole = await startBlackHole();
  stack.defer(hole.stop);
  const load = await startReading(server);
  stack.defer(load.stop);
  const callers = await Promise.all(
    Array.from({ length: organizations }, async (_, index) =>
      openRawGrpc(`127.0.0.1:${server.grpcPort}`, await server.issueToken(`org-${index}`)),
    ),
  );
  stack.defer(() => callers.forEach((caller) => void caller.close()));

  const testAll = async () => {
    const calls = Array.from({ length: organizations * testsEach }, async (_, index) => {
      await sleep(10 * index);
      const rpc = index % 40 < 20 ? "TestConnectionProfile" : "StreamConnectionProfileTest";
      return callers[index % organizations]?.call(rpcPath(rpc), frameFor(index < 134 ? hole.silent : hole.full));
    });
    const statuses = new Set(await Promise.all(calls));
    if (statuses.size !== 1 || !statuses.has("0")) throw new Error(`tests ended with ${[...statuses].join(", ")}`);
  };
  const p99During = async (work: () => Promise<unknown>) => {
    await load.take();
    await work();
    const { failed, calmMs } = await load.take();
    if (failed > 0) throw new Error(`${failed} calls of GetConnectionProfile failed`);
    return percentile(calmMs, 0.99);
  };
  await testAll(); // Code that runs for the first times is slow whatever it waits for.
  const pairs: { alone: number; beside: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const alone = await p99During(() => sleep(10_000));
    const beside = await p99During(testAll);
    pairs.push({ alone, beside });
    say(
      `round ${round}: GetConnectionProfile, p99 ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside 200 tests`,
    );
  }
  const [alone, beside] = [median(pairs.map((pair) => pair.alone)), median(pairs.map((pair) => pair.beside))];
  const met = beside <= alone * allowance.ratio + allowance.ms;
  return {
    met,
    line:
      `GetConnectionProfile, p99: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside 200 tests of black holes ` +
      `(bar: ${allowance.ratio} times and ${allowance.ms} ms more): ${met ? "met" : "NOT MET"}`,
  };
};

const frames = new Map<number, Buffer>();

/** The requests of both RPCs have the same fields. */
function frameFor(port: number): Buffer {
  const value = { host: "127.0.0.1", port, username: "ann", password: "not needed" };
  const request = create(TestConnectionProfileRequestSchema, { config: { connector: { case: "postgres", value } } });
  const frame = frames.get(port) ?? frameOf(toBinary(TestConnectionProfileRequestSchema, request));
  frames.set(port, frame);
  return frame;
}

/** Reads one profile all the time. */
async function startReading(server: Awaited<ReturnType<typeof startConnectory>>): Promise<SteadyLoad> {
  const grpcAddress = `127.0.0.1:${server.grpcPort}`;
  const token = await server.issueToken("reader");
  const httpUrl = `http://127.0.0.1:${server.httpPort}`;
  const client = connectClients(ConnectionProfileService, { grpcAddress, httpUrl }, token).grpc;
  const value = { host: "db.example", port: 5432, username: "ann" };
  const config = { connector: { case: "postgres" as const, value } };
  const { connectionProfile } = await client.createConnectionProfile({ name: "read all the time", config });
  const request = create(GetConnectionProfileRequestSchema, { id: connectionProfile?.id ?? "" });
  return startSteadyLoad({
    grpcAddress,
    token,
    path: rpcPath("GetConnectionProfile"),
    request: Buffer.from(toBinary(GetConnectionProfileRequestSchema, request)).toString("base64"),
    perSecond: 150,
  });
}
