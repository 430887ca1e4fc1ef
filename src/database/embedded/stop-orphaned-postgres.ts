import { execFile } from "node:child_process";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Logger } from "pino";
import { socketName } from "./short-socket-path.ts";

interface ServerProcess {
  readonly pid: number;
  /** The first process of a server; the others are its children. */
  readonly isPostmaster: boolean;
}

/** The signals of a fast shutdown, an immediate one and a kill, each with its time limit in milliseconds. */
const shutdowns = [
  ["SIGINT", 10_000],
  ["SIGQUIT", 5_000],
  ["SIGKILL", 5_000],
] as const;

/**
 * Stops every process of a server on this cluster that was left by a killed process, and removes the files that mark it as
 * running. The server is recognized by `clusterNameOf`: reading `/proc/<pid>/cwd` needs the permission to trace another user's
 * process, which root in a container lacks, and `postmaster.pid` does not name the children of a killed postmaster. Throws when
 * a server that this process cannot see uses the cluster.
 */
export async function stopOrphanedPostgres(clusterDir: string, socketDir: string, log: Logger): Promise<void> {
  const name = await clusterNameOf(clusterDir);
  for (const [signal, timeoutMs] of shutdowns) {
    const left = await processesOf(name);
    if (left.length === 0) break;
    log.warn({ signal, pids: left.map(({ pid }) => pid) }, "stopping the PostgreSQL that a killed process has left");
    // For a child of the server this signal has another meaning.
    const receivers = signal === "SIGINT" ? left.filter(({ isPostmaster }) => isPostmaster) : left;
    for (const { pid } of receivers) send(pid, signal);
    if (receivers.length > 0) await waitUntilGone(name, timeoutMs);
  }
  if (await answers(join(socketDir, socketName))) {
    throw new Error(
      `A PostgreSQL that this process cannot see, of another container for example, is running on ${clusterDir}: stop it, or use another DATA_DIR`,
    );
  }
  // They contain process ids, which in a restarted container soon belong to other processes: PostgreSQL would not start.
  for (const file of ["postmaster.pid", socketName, `${socketName}.lock`]) {
    await rm(join(clusterDir, file), { force: true });
  }
}

/**
 * Returns PostgreSQL's `cluster_name` for a folder: it is in the command line or the title of each of the server's processes,
 * which every process may read.
 */
export async function clusterNameOf(clusterDir: string): Promise<string> {
  const { dev, ino } = await stat(clusterDir, { bigint: true });
  return `connectory-${dev}-${ino}`;
}

async function waitUntilGone(name: string, timeoutMs: number): Promise<void> {
  const end = Date.now() + timeoutMs;
  while ((await processesOf(name)).length > 0 && Date.now() < end) await sleep(20);
}

async function processesOf(name: string): Promise<ServerProcess[]> {
  const found: ServerProcess[] = [];
  for (const [pid, command] of process.platform === "linux" ? await listProc() : await listPs()) {
    const [program = ""] = command.split(" ");
    const isPostmaster = basename(program) === "postgres" && command.includes(` cluster_name=${name} `);
    if (isPostmaster || command.startsWith(`postgres: ${name}: `)) found.push({ pid, isPostmaster });
  }
  return found;
}

async function listProc(): Promise<[number, string][]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const commands = pids.map(async (pid): Promise<[number, string]> => {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""); // the process has ended meanwhile
    return [Number(pid), command.replaceAll("\0", " ")];
  });
  return Promise.all(commands);
}

async function listPs(): Promise<[number, string][]> {
  const { stdout } = await promisify(execFile)("ps", ["-axww", "-o", "pid=,command="], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split("\n").map((line) => {
    const [, pid, command = ""] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
    return [Number(pid), `${command} `];
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
