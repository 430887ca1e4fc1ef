import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { clusterDirArgument, createCluster } from "../../../src/database/embedded/create-cluster.ts";
import { locatePostgres } from "../../../src/database/embedded/locate-postgres.ts";
import { idleNamedOsUser } from "../../../src/database/embedded/unused-os-user.ts";
import { freePort } from "../../support/free-port.ts";
import { takesConnections } from "../../support/servers/run-server.ts";

/** The PostgreSQL 18 of the npm package on a TCP port, with fsync on. */
export interface ChaosPostgres {
  readonly port: number;
  readonly url: string;
  /** Stops every process of it (SIGSTOP) without ending one. */
  freeze(): Promise<void>;
  resume(): Promise<void>;
  /** SIGKILL to the first process; the others follow by themselves. */
  kill(): Promise<void>;
  /** Starts it unless it runs. Resolves when it answers. */
  start(): Promise<void>;
  /** The last lines of its log. */
  log(): Promise<string>;
}

const run = promisify(execFile);

/** Data goes below `dir`, which may be a small disk; `environment` is all that it sees of one. */
export async function startPostgres(options: {
  readonly dir: string;
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string>>;
}): Promise<ChaosPostgres> {
  const account = process.getuid?.() === 0 ? await idleNamedOsUser() : {};
  const home = await locatePostgres(account, options.dir);
  await mkdir(options.dir, { recursive: true });
  await chmod(options.dir, 0o755);
  const clusterDir = join(options.dir, "cluster");
  await createCluster({ home, clusterDir, account, fsync: true });
  await writeFile(join(clusterDir, "pg_hba.conf"), "host all all 127.0.0.1/32 trust\n");
  const port = await freePort();
  const args = ["-D", clusterDirArgument(clusterDir), ...settings(port)];
  let child: ChildProcess | undefined;

  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const start = async () => {
    const until = performance.now() + 60_000;
    for (;;) {
      if (!isRunning()) {
        const log = openSync(options.logFile, "a");
        const stdio = ["ignore", log, log] as const;
        child = spawn(join(home, "bin/postgres"), args, {
          ...account,
          cwd: clusterDir,
          env: options.environment,
          stdio: [...stdio],
        });
        closeSync(log);
      }
      if (await answers(port)) return;
      if (performance.now() > until)
        throw new Error(`PostgreSQL has not become ready:\n${(await readFile(options.logFile, "utf8")).slice(-2000)}`);
      await sleep(100);
    }
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    const first = child?.pid ?? 0;
    // The first process before its children, so that none is added meanwhile.
    process.kill(first, signal);
    for (const pid of await childrenOf(first)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended by itself.
      }
    }
  };
  await start();
  const url = `postgresql://connectory@127.0.0.1:${port}`;
  return {
    port,
    url: `${url}/postgres`,
    freeze: () => signalAll("SIGSTOP"),
    resume: () => signalAll("SIGCONT"),
    kill: async () => {
      if (!isRunning() || child === undefined) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
      await orphansGone(clusterDir);
    },
    start,
    log: async () => (await readFile(options.logFile, "utf8")).slice(-2000),
  };
}

function settings(port: number): string[] {
  const values = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: "32MB",
    // Little of it, so that a small disk has room for it.
    max_wal_size: "64MB",
    min_wal_size: "32MB",
    timezone: "UTC",
    log_line_prefix: "%m ",
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await run("ps", ["-o", "pid=", "--ppid", String(pid)]).catch(() => ({ stdout: "" }));
  return stdout.split("\n").map(Number).filter(Boolean);
}

/** The next start is refused while a process of the one before still has the shared memory. */
async function orphansGone(clusterDir: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { stdout } = await run("sh", [
      "-c",
      `ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -c -- '-> ${clusterDir}$' || true`,
    ]);
    if (stdout.trim() === "0") return;
    await sleep(50);
  }
}

async function answers(port: number): Promise<boolean> {
  if (!(await takesConnections(port))) return false;
  const { Client } = (await import("pg")).default;
  const client = new Client({
    host: "127.0.0.1",
    port,
    user: "connectory",
    database: "postgres",
    connectionTimeoutMillis: 2000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
