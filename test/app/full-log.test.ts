import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { findProgram } from "../support/servers/find-program.ts";

const prlimit = findProgram("prlimit", "util-linux");
const folder = await mkdtemp(join(tmpdir(), "connectory-full-log-"));
const running: ServerProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((server) => server.end("SIGKILL")));
  await rm(folder, { recursive: true, force: true });
});

const path = join(folder, "log");
const lines = () =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");

/** The largest that a file may grow by this process: what comes after that is refused as on a full disk, in the middle of a line. */
function limitFiles({ child }: ServerProcess, bytes: number | "unlimited") {
  execFileSync(prlimit, ["--pid", String(child.pid), `--fsize=${bytes}:`]);
}

test("a log that has no room any more, and then has room again: calls go on, what is lost is counted, and lines come again", async () => {
  const stderr = openSync(path, "a");
  const server = await startServer({ DATA_DIR: join(folder, "data"), LOG_LEVEL: "debug" }, { stderr });
  running.push(server);
  const call = async (method: string, body: unknown) => {
    const response = await fetch(`${server.httpUrl}/connectory.v1.ConnectionService/${method}`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await response.text();
    return response.status;
  };
  const lost = async () => {
    const metrics = await (await fetch(`${server.httpUrl}/metrics`)).text();
    return Number(/^connectory_log_lost\S* (\d+)/m.exec(metrics)?.[1] ?? 0);
  };
  expect(await call("CreateConnection", { userId1: "a", userId2: "b" })).toBe(200);
  await expect.poll(() => lines().length, { timeout: 90_000 }).toBeGreaterThan(3);
  limitFiles(server, statSync(path).size + 100);

  const requests = Array.from({ length: 100 }, (_, index) => ({ userId1: "a", userId2: `b${index}` }));
  // 8 MB of the log are kept.
  for (let round = 0; round < 300 && (await lost()) === 0; round += 1) {
    const calls = Array.from({ length: 10 }, () => call("BatchCreateConnections", { requests }));
    expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
  }
  const lostThen = await lost();
  expect(lostThen).toBeGreaterThan(0);
  const writtenThen = lines().length;
  expect(await call("CreateConnection", { userId1: "a", userId2: "c" })).toBe(200);
  expect(server.child.exitCode).toBeNull();

  limitFiles(server, "unlimited");
  const said = () => lines().filter((line) => line.includes("so many lines of the log were lost"));
  await expect.poll(() => said().length, { timeout: 90_000 }).toBe(1);
  expect(lines().length).toBeGreaterThan(writtenThen);
  expect(await call("CreateConnection", { userId1: "a", userId2: "marked" })).toBe(200);
  await expect.poll(() => readFileSync(path, "utf8"), { timeout: 90_000 }).toContain('"marked"');
  expect(JSON.parse(said()[0] ?? "")).toMatchObject({ lines: await lost() });
  for (const line of lines()) expect(JSON.parse(line)).toHaveProperty("msg");
  expect(await server.end("SIGTERM")).toBe(0);
  closeSync(stderr);
});
