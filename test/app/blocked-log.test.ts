import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-blocked-log-"));
const main = join(import.meta.dirname, "../../src/main.ts");
const running: ServerProcess[] = [];
const started: ChildProcess[] = [];
afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await Promise.all(running.map((server) => server.end("SIGKILL")));
  await rm(folder, { recursive: true, force: true });
});

/** A service whose standard error is this, on a line of its log for each call. */
async function start(name: string, stderr: number): Promise<ServerProcess> {
  const server = await startServer({ DATA_DIR: join(folder, name), LOG_LEVEL: "debug" }, { stderr });
  running.push(server);
  return server;
}

/** The end for writing of a pipe that is full, for who waits when it is. */
function fillPipe(name: string): number {
  const path = join(folder, name);
  execFileSync("mkfifo", [path]);
  const filling = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  expect(() => {
    for (;;) writeSync(filling, "\n".repeat(4096));
  }).toThrow("EAGAIN");
  const end = openSync(path, constants.O_RDWR);
  closeSync(filling);
  return end;
}

/** Runs the program to its end. */
async function runToEnd(
  args: readonly string[],
  environment: Record<string, string>,
  stderr: number,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; printed: string }> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, GRPC_ADDR: "127.0.0.1:0", HTTP_ADDR: "127.0.0.1:0", ...environment },
    stdio: ["ignore", "pipe", stderr],
  });
  started.push(child);
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, printed };
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
  const filled = fillPipe("stderr");
  const server = await start("pipe", filled);
  expect(await createMany(server)).toEqual([200]);
  expect(await createMany(server)).toEqual([409]);
  await server.end("SIGTERM");
  const again = await startServer({ DATA_DIR: join(folder, "pipe") });
  running.push(again);
  expect(await createMany(again)).toEqual([409]);
  closeSync(filled);
});

test("a refused start ends though nobody reads standard error", async () => {
  const stderr = fillPipe("refused");
  const wrong: [string[], Record<string, string>][] = [
    [[], { LOG_LEVEL: "loud" }],
    [["nonsense"], {}],
    [["token"], {}],
    [["secrets:rotate"], { DATA_DIR: join(folder, "none") }],
    [[], { DATABASE_URL: "postgres://user@127.0.0.1:1/none", SECRET_KEYS: `a:${Buffer.alloc(32).toString("base64")}` }],
  ];
  for (const [args, environment] of wrong) {
    const { code, signal } = await runToEnd(args, environment, stderr);
    expect([args, code === 0 ? "in order" : "refused", code ?? signal]).toEqual([args, "refused", "SIGKILL"]);
  }
  closeSync(stderr);
});

test("a refused start says why where standard error is read, and ends with 1", async () => {
  const path = join(folder, "said");
  const stderr = openSync(path, "w");
  const { code } = await runToEnd([], { LOG_LEVEL: "loud" }, stderr);
  expect([code, readFileSync(path, "utf8")]).toEqual([1, expect.stringContaining("- LOG_LEVEL: must be one of")]);
  closeSync(stderr);
});

test("secrets are rotated though nobody reads standard error, and the command ends", async () => {
  const DATA_DIR = join(folder, "rotated");
  const server = await startServer({ DATA_DIR });
  running.push(server);
  await server.end("SIGTERM");
  const stderr = fillPipe("rotating");
  const { printed } = await runToEnd(["secrets:rotate"], { DATA_DIR, LOG_LEVEL: "debug" }, stderr);
  expect(printed).toContain("new key in ");
  closeSync(stderr);
});
