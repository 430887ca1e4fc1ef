import { execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "connectory-process-"));
const running: ServerProcess[] = [];

async function start(dataDir: string, environment: Record<string, string> = {}, options = {}): Promise<ServerProcess> {
  const server = await startServer({ DATA_DIR: dataDir, ...environment }, options);
  running.push(server);
  return server;
}

/** uid 1 has a name on every Linux, and no rights. Only root can become it, and the checkout must be readable for it. */
const canRunAsOther =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, ["-e", "fs.readFileSync('package.json')"], { uid: 1, gid: 1 }).status === 0;
if (!canRunAsOther)
  process.stderr.write("not tried as another user: that needs root, and a checkout that every user can read\n");

afterAll(async () => {
  await Promise.all(running.map((server) => server.end("SIGTERM")));
  await rm(folder, { recursive: true, force: true });
});

async function postmasterOf(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n")[0]);
}

/** A zombie, which waits for a parent that does not ask, is not alive. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    const { stdout } = await run("ps", ["-o", "stat=", "-p", String(pid)]);
    return !stdout.trim().startsWith("Z");
  } catch {
    return false; // ps found no such process
  }
}

async function create(server: ServerProcess, body: object): Promise<Response> {
  return fetch(`${server.httpUrl}/connectory.v1.ConnectionService/CreateConnection`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

describe("the service as a process", () => {
  const dataDir = join(folder, "first");

  test("refuses a second process on the same DATA_DIR with one clear line, and goes on", async () => {
    const first = await start(dataDir);
    const refused = await start(dataDir).catch((error: unknown) => String(error));
    expect(refused).toContain("ended with 1");
    expect(refused).toContain(dataDir);
    expect((await create(first, { userId1: "still", userId2: "there" })).status).toBe(200);
  });

  test("runs side by side with another on other ports and another DATA_DIR", async () => {
    const other = await start(join(folder, "other"));
    expect((await create(other, { userId1: "still", userId2: "there" })).status).toBe(200);
    expect(await other.end("SIGTERM")).toBe(0);
  });

  test("SIGTERM and SIGINT end everything, the database too; a second start has everything", async () => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGTERM"] as const) {
      const postmaster = await postmasterOf(dataDir);
      expect(await running.at(0)?.end(signal)).toBe(0);
      expect(await isAlive(postmaster)).toBe(false);
      running[0] = await startServer({ DATA_DIR: dataDir });
      expect((await create(running[0], { userId1: "still", userId2: "there" })).status).toBe(409);
    }
  });

  test("after kill -9 the next start recovers by itself", async () => {
    const orphan = await postmasterOf(dataDir);
    await running.at(0)?.end("SIGKILL");
    expect(await isAlive(orphan)).toBe(true);
    running[0] = await startServer({ DATA_DIR: dataDir });
    expect((await create(running[0], { userId1: "still", userId2: "there" })).status).toBe(409);
    const postmaster = await postmasterOf(dataDir);
    await running[0].end("SIGTERM");
    expect(await Promise.all([orphan, postmaster].map(isAlive))).toEqual([false, false]);
  });

  test("when its database dies under it, it ends with an error rather than staying as a ruin", async () => {
    const server = await start(dataDir);
    process.kill(await postmasterOf(dataDir), "SIGKILL");
    const code = await new Promise((resolve) => server.child.once("exit", resolve));
    expect(code).toBe(1);
    expect(server.log()).toContain("database");
  });

  test("tells every problem of the environment and does not start", async () => {
    const refused = await start(dataDir, { GRPC_ADDR: "0.0.0.0:0", LOG_LEVEL: "loud" }).catch((error: unknown) =>
      String(error),
    );
    expect(refused).toContain("ended with 1");
    for (const name of ["GRPC_ADDR", "LOG_LEVEL"]) expect(refused).toContain(`- ${name}: `);
  });

  test("a port that is taken is told in a line, and nothing is left running", async () => {
    const first = await start(join(folder, "other"));
    const second = join(folder, "port");
    const refused = await start(second, { HTTP_ADDR: first.httpUrl.replace("http://", "") }).catch((error: unknown) =>
      String(error),
    );
    expect(refused).toContain("- HTTP_ADDR: ");
    expect(existsSync(join(second, "postgres"))).toBe(false);
    await first.end("SIGTERM");
  });

  test("brokers that cannot be reached are a warning of the banner and of the log, and the service runs", async () => {
    const server = await start(join(folder, "other"), { KAFKA_BROKERS: "127.0.0.1:1" });
    const warning = "KAFKA_BROKERS: cannot be reached: 127.0.0.1:1 (nothing listens there)";
    expect(server.output()).toContain(`  warning                ${warning}`);
    expect(server.log()).toContain(warning);
    expect((await create(server, { userId1: "still", userId2: "there" })).status).toBe(409);
    await server.end("SIGTERM");
  });

  test.skipIf(!canRunAsOther)("runs as an ordinary user too", async () => {
    const mine = join(folder, "of-uid-1");
    await mkdir(mine);
    await chown(mine, 1, 1);
    await run("chmod", ["a+rx", folder]);
    const server = await start(mine, {}, { uid: 1, gid: 1 });
    expect((await create(server, { userId1: "a", userId2: "b" })).status).toBe(200);
    expect(await server.end("SIGTERM")).toBe(0);
  });
});

test("npm run token prints a token for the running server, and refuses nonsense", async () => {
  const dataDir = join(folder, "other");
  const server = await start(dataDir);
  const token = (...args: string[]) => tokenIn(dataDir, ...args);
  const tokenIn = (dir: string, ...args: string[]) =>
    new Promise<{ code: number | null; text: string }>((resolve) => {
      const child = spawn(process.execPath, ["src/main.ts", "token", ...args], {
        env: { DATA_DIR: dir, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
      });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk));
      child.once("close", (code) => resolve({ code, text: text.trim() }));
    });
  const viewer = await token("--user", "vera", "--org", "acme", "--role", "viewer");
  expect(viewer.code).toBe(0);
  const forbidden = await create({ ...server, token: viewer.text }, { userId1: "a", userId2: "b" });
  expect(forbidden.status).toBe(403);
  expect((await token("--user", "vera")).text).toContain("usage");
  for (const elsewhere of [join(folder, "elsewhere"), ...(process.platform === "linux" ? ["/proc/x"] : [])]) {
    const { code, text } = await tokenIn(elsewhere, "--user", "vera", "--org", "acme");
    expect([code, text]).toEqual([
      1,
      expect.stringContaining(`DATA_DIR ${elsewhere} holds no key of the local issuer`),
    ]);
    expect(existsSync(elsewhere)).toBe(false);
  }
  expect(await token("--user", "v", "--org", "o", "--role", "king")).toMatchObject({ code: 1 });
  await server.end("SIGTERM");
});
