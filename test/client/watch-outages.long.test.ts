import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionChange, type CreateConnectionResponse } from "../../gen/connectory/v1/connection_service_pb.js";
import { orderedPair, watch } from "../../src/client/index.ts";
import { createConnectoryClient } from "../../src/client/node/index.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { type FaultProxy, openFaultProxy } from "./open-fault-proxy.ts";

/** A real server that is killed and started again, behind a proxy for each protocol that breaks connections. */
let dataDir: string;
let server: ServerProcess;
let protocols: { grpc: FaultProxy; http: FaultProxy };
const portOf = (address: string) => Number(address.split(":").at(-1));

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-watch-"));
  server = await startServer({ DATA_DIR: dataDir });
  protocols = {
    grpc: await openFaultProxy(portOf(server.grpcAddress)),
    http: await openFaultProxy(portOf(server.httpUrl)),
  };
});
afterAll(async () => {
  await protocols.grpc.close();
  await protocols.http.close();
  await server.end("SIGTERM");
  await rm(dataDir, { recursive: true, force: true });
});

async function restart(): Promise<void> {
  await server.end("SIGKILL");
  server = await startServer({ DATA_DIR: dataDir });
  protocols.grpc.lead(portOf(server.grpcAddress));
  protocols.http.lead(portOf(server.httpUrl));
}

describe.each(["grpc", "connect", "grpc-web"] as const)("a watch over %s", (transport) => {
  test("tells of every change once and in order, through cuts, silence, refusals and a killed server", async () => {
    const protocol = transport === "grpc" ? protocols.grpc : protocols.http;
    const baseUrl = `http://${protocol.address}`;
    const { connections } = createConnectoryClient({ baseUrl, transport, token: () => server.token });
    const stop = new AbortController();
    const interruptions: string[] = [];
    const seen: { id: string; revision: bigint }[] = [];
    const ready = Promise.withResolvers<void>();
    const watching = (async () => {
      const onInterrupted = (why: Error) => interruptions.push(why.message);
      const options = { signal: stop.signal, silenceMs: 5000, baseMs: 20, capMs: 200, onInterrupted };
      for await (const { change, connection, revision } of watch(connections.watchConnections, {}, options)) {
        ready.resolve();
        if (change === ConnectionChange.CREATED) seen.push({ id: connection?.id ?? "", revision });
      }
    })();
    await ready.promise;

    const written: { id: string; revision: bigint }[] = [];
    let writing = true;
    // By a protocol without faults: what the killed server leaves unanswered is sent again under its request id.
    const write = (n: number, requestId: string) => {
      const direct = createConnectoryClient({ baseUrl: `http://${server.grpcAddress}`, token: server.token });
      const pair = orderedPair(`${transport}-a`, `${transport}-b${n}`);
      return direct.connections.createConnection({ ...pair, requestId }, { timeoutMs: 5000 });
    };
    const writer = (async () => {
      for (let n = 0; writing; n++) {
        const requestId = randomUUID();
        let answer: CreateConnectionResponse | undefined;
        while (answer === undefined) answer = await write(n, requestId).catch(() => undefined);
        written.push({ id: answer.connection?.id ?? "", revision: answer.revision });
        await sleep(5);
      }
    })();

    for (const fault of [() => protocol.cut("reset"), () => protocol.cut("end"), () => protocol.freeze()]) {
      await sleep(400);
      fault();
    }
    await sleep(6000);
    protocol.refuse(true);
    protocol.cut("reset");
    await sleep(500);
    protocol.refuse(false);
    await sleep(300);
    await restart();
    await sleep(800);
    writing = false;
    await writer;

    await expect.poll(() => seen.at(-1)?.id).toBe(written.at(-1)?.id);
    stop.abort();
    await watching;
    expect(written.length).toBeGreaterThan(50);
    expect(seen).toEqual(written);
    expect(interruptions.length).toBeGreaterThanOrEqual(5);
  }, 120_000);
});

test("a server that stops in good order is only an interruption", async () => {
  const token = () => server.token;
  const { connections } = createConnectoryClient({ baseUrl: `http://${protocols.grpc.address}`, token });
  const interruptions: string[] = [];
  const onInterrupted = (why: Error) => interruptions.push(why.message);
  const messages = watch(connections.watchConnections, {}, { baseMs: 20, capMs: 200, onInterrupted });
  await messages.next();
  const next = messages.next();
  await server.end("SIGTERM");
  await restart();
  await connections.createConnection(orderedPair("after", "the-stop"));
  expect((await next).value?.change).toBe(ConnectionChange.CREATED);
  await messages.return();
  expect(interruptions[0]).toContain("stopping");
}, 60_000);
