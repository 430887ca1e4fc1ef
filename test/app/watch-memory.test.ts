import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { ConnectionService, type WatchConnectionsResponse } from "../../gen/connectory/v1/connection_service_pb.js";
import { connectClients } from "../support/clients.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-memory-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const changes = 10_000;
const readers = 100;

/** What the process has in memory, in megabytes. */
async function residentMegabytes({ child }: ServerProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

// As protobuf these would be 300 MB: 100 readers of 10 000 messages of about 300 bytes.
test("10 000 changes for 100 watches that are not read stay in the database", async () => {
  const server = await startServer({ DATA_DIR: folder });
  const client = connectClients(ConnectionService, server, server.token).grpc;
  const pad = "x".repeat(100);
  for (let start = 0; start < changes; start += 500)
    await client.batchCreateConnections({
      requests: Array.from({ length: 500 }, (_, index) => ({
        userId1: `a-${pad}`,
        userId2: `b-${start + index}-${pad}`,
      })),
    });
  const cut = new AbortController();
  const open = async () => {
    const own = connectClients(ConnectionService, server, server.token).grpc;
    const stream = own.watchConnections({ afterRevision: 0n }, { signal: cut.signal })[Symbol.asyncIterator]();
    await stream.next();
    return stream;
  };
  const first = await open(); // what is read and compiled once is not what is measured
  const before = await residentMegabytes(server);
  const streams = [first, ...(await Promise.all(Array.from({ length: readers - 1 }, open)))];
  await sleep(3000);
  const grown = (await residentMegabytes(server)) - before;
  expect(grown).toBeLessThan(100);

  // Another who does read is told all of it meanwhile, and one that was slow is too once it reads.
  const readOn = async (stream: AsyncIterator<WatchConnectionsResponse>) => {
    const revisions: number[] = [];
    while (revisions.length < changes) revisions.push(Number((await stream.next()).value?.revision));
    return revisions;
  };
  const wanted = Array.from({ length: changes }, (_, index) => index + 1);
  expect(await readOn(await open())).toEqual(wanted);
  expect(await Promise.all(streams.slice(0, 3).map(readOn))).toEqual([wanted, wanted, wanted]);
  expect((await residentMegabytes(server)) - before).toBeLessThan(150);
  cut.abort();
  expect(await server.end("SIGTERM")).toBe(0);
});
