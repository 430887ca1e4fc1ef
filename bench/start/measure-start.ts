import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Compare } from "../compare.ts";
import { median } from "../median.ts";
import { findFreePort, type Running, startProcess } from "../start-process.ts";

/** How many times a bare start of Node, as which the same machine is measured, a start of the service may take. */
const bar = 40;

/** How long a start takes on a DATA_DIR that is there, from the command to open ports, beside a Node that does nothing. */
export const measureStart: Compare = async ({ folder, rounds, stack, say }) => {
  const dataDir = `${folder}/start`;
  const start = async (): Promise<Running> => {
    const [grpcPort, httpPort] = [await findFreePort(), await findFreePort()];
    const addresses = { LOG_LEVEL: "error", GRPC_ADDR: `127.0.0.1:${grpcPort}`, HTTP_ADDR: `127.0.0.1:${httpPort}` };
    const server = await startProcess(["src/main.ts"], { DATA_DIR: dataDir, ...addresses }, [grpcPort, httpPort]);
    stack.defer(server.stop);
    return server;
  };
  await (await start()).stop(); // The first makes the database.
  const starts: number[] = [];
  const bare: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    bare.push(await timeOf(() => promisify(execFile)(process.execPath, ["-e", "0"])));
    let server: Running | undefined;
    starts.push(await timeOf(async () => (server = await start())));
    await server?.stop();
    say(`round ${round}: a start takes ${starts.at(-1)?.toFixed(0)} ms, a bare Node ${bare.at(-1)?.toFixed(0)} ms`);
  }
  const [ours, nodes] = [median(starts), median(bare)];
  const met = ours <= nodes * bar;
  return {
    met,
    line: `a second start: ${ours.toFixed(0)} ms, a bare Node ${nodes.toFixed(0)} ms (bar: ${bar} times): ${met ? "met" : "NOT MET"}`,
  };
};

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
