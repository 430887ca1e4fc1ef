import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findExecutable } from "./find-executable.ts";

export interface ServerRun {
  readonly command: string;
  readonly args: readonly string[];
  /** Its working directory; its output goes to `output.log` there. */
  readonly dir: string;
  /** All it sees of an environment, beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whom to run it as, in the form child_process takes. */
  readonly account?: { readonly uid?: number; readonly gid?: number };
  /** It is ready when all of these take connections … */
  readonly ports: readonly number[];
  /** … and this is true. */
  readonly isReady?: () => Promise<boolean>;
  /** What ends it. Its data is thrown away, so the default is SIGKILL. */
  readonly signal?: NodeJS.Signals;
}

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/**
 * Starts a server, resolves when it serves, and ends it when disposed. Where there is setpriv (every Linux), the
 * kernel kills it when this process ends in whatever way; elsewhere it is killed when this process ends in order.
 */
export async function runServer(options: ServerRun): Promise<AsyncDisposable & { readonly pid: number }> {
  const logFile = join(options.dir, "output.log");
  const [command = options.command, ...args] = [...leash(options), options.command, ...options.args];
  const log = openSync(logFile, "a");
  const env = { PATH: process.env.PATH, HOME: options.dir, ...options.env };
  const child = spawn(command, args, { cwd: options.dir, env, stdio: ["ignore", log, log] });
  closeSync(log);
  children.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => void appendFile(logFile, error.message).finally(resolve));
    child.once("exit", () => resolve());
  });
  void ended.then(() => children.delete(child));
  const stop = () => end(child, ended, options.signal ?? "SIGKILL");
  try {
    await untilReady(options, child);
  } catch (error) {
    await stop();
    const said = (await readFile(logFile, "utf8")).slice(-3000);
    throw new Error(`${options.command} ${error instanceof Error ? error.message : error}:\n${said}`);
  }
  return { pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
}

/** What stands before the command: the account, and the signal that the kernel sends at our end. */
function leash({ account }: ServerRun): string[] {
  const { uid, gid } = account ?? {};
  const identity = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${gid ?? uid}`, "--clear-groups"];
  const setpriv = findExecutable("setpriv");
  if (setpriv !== undefined) return [setpriv, "--pdeathsig=KILL", ...identity, "--"];
  if (identity.length > 0) throw new Error("setpriv is not installed (Debian: apt-get install util-linux)");
  return [];
}

async function untilReady({ ports, isReady }: ServerRun, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 60_000;
  const check = async () =>
    (await Promise.all(ports.map(takesConnections))).every(Boolean) && (await isReady?.()) !== false;
  while (!(await check())) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) throw new Error("has ended");
    if (performance.now() > deadline) throw new Error("has not become ready in 60 s");
    await sleep(20);
  }
}

async function end(child: ChildProcess, ended: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(timer);
}

/** Whether somebody listens there now. */
export function takesConnections(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
