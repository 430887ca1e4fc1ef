import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-blocked-log-"));
const running: ServerProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((server) => server.end("SIGKILL")));
  await rm(folder, { recursive: true, force: true });
});

/** A service whose standard error is this, on a line of its log for each call. */
async function start(name: string, stderr: number): Promise<ServerProcess> {
  const server = await startServer({ DATA_DIR: join(folder, name), LOG_LEVEL: "debug" }, { stderr });
  running.push(server);
  return server;
}

async function createMany(server: ServerProcess): Promise<number[]> {
  const calls = Array.from({ length: 200 }, async (_, index) => {
    const response = await fetch(`${server.httpUrl}/connectory.v1.ConnectionService/CreateConnection`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
      body: JSON.stringify({ userId1: `a${index}`, userId2: `b${index}` }),
    });
    await response.text();
    return response.status;
  });
  return [...new Set(await Promise.all(calls))];
}

test("standard error on a full disk: calls go on, and a stop is in order", async () => {
  const full = openSync("/dev/full", "w");
  const server = await start("full", full);
  expect(await createMany(server)).toEqual([200]);
  expect(await createMany(server)).toEqual([409]);
  expect(await server.end("SIGTERM")).toBe(0);
  closeSync(full);
});

test("standard error on a pipe that nobody reads: calls go on, and a stop loses nothing", async () => {
  const path = join(folder, "stderr");
  execFileSync("mkfifo", [path]);
  const filled = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  expect(() => {
    for (;;) writeSync(filled, "\n".repeat(4096));
  }).toThrow("EAGAIN");
  const server = await start("pipe", filled);
  expect(await createMany(server)).toEqual([200]);
  expect(await createMany(server)).toEqual([409]);
  await server.end("SIGTERM");
  const again = await startServer({ DATA_DIR: join(folder, "pipe") });
  running.push(again);
  expect(await createMany(again)).toEqual([409]);
  closeSync(filled);
});
