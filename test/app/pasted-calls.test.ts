import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { findProgram } from "../support/servers/find-program.ts";
import { goProgram, goPrograms } from "../support/servers/go-program.ts";

const programs = [await goProgram(goPrograms.grpcurl), findProgram("curl", "curl")];
const dataDir = await mkdtemp(join(tmpdir(), "connectory-pasted-"));
const server = await startServer({ DATA_DIR: dataDir });
afterAll(async () => {
  await server.end("SIGTERM");
  await rm(dataDir, { recursive: true, force: true });
});

/** Runs a line as a person pastes it into a shell, after the `export TOKEN=…` line. */
async function paste({ output }: ServerProcess, command: string): Promise<unknown> {
  const [exportLine = ""] = /^export TOKEN=.*$/m.exec(output()) ?? [];
  const [line = ""] = new RegExp(`^${command} .*$`, "m").exec(output()) ?? [];
  const path = [...programs.map(dirname), process.env.PATH].join(delimiter);
  const { stdout } = await promisify(execFile)("sh", ["-c", `${exportLine}\n${line}`], { env: { PATH: path } });
  return JSON.parse(stdout);
}

test("the calls that a start prints work when they are pasted", async () => {
  expect(await paste(server, "curl")).toMatchObject({
    name: "my-kafka-cluster",
    connector: "kafka",
    config: { bootstrap_servers: "broker1:9092,broker2:9092" },
    description: "broker1:9092,broker2:9092",
  });
  expect(await paste(server, "grpcurl")).toMatchObject({
    connection: { userId1: "alice", userId2: "bob", isActive: true },
  });
});
