import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { clusterDirArgument } from "./create-cluster.ts";
import { pipePostgresLog } from "./pipe-postgres-log.ts";
import type { PostgresOsUser } from "./postgres-os-user.ts";

interface PostgresRun {
  readonly home: string;
  readonly clusterDir: string;
  readonly account: PostgresOsUser;
  readonly name: string;
  readonly fsync: boolean;
  readonly log: Logger;
  readonly onExit: () => void;
}

/**
 * Milliseconds without output after which a start has failed. Replaying the log after a crash may take long, but PostgreSQL
 * then reports every 10 s.
 */
const silenceMs = 30_000;

/** Starts the server. Resolves when it accepts connections; rejects with the last lines of its log otherwise. */
export async function runPostgres(options: PostgresRun): Promise<{ stop(): Promise<void> }> {
  const child = spawn(join(options.home, "bin/postgres"), settings(options), {
    ...options.account,
    cwd: options.clusterDir,
    env: {}, // that of this process contains secrets
    detached: true, // a Ctrl-C in the terminal reaches this process only, which closes the pools first
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with code ${code}`));
  });
  let state: "running" | "stopping" = "running";
  const stop = async () => {
    state = "stopping";
    await shutDown(child, ended);
  };
  const output = await waitUntilReady(child, ended, options.log).catch(async (error) => {
    await stop();
    throw error;
  });
  void ended.then((how) => {
    if (state === "stopping") return;
    options.log.fatal({ last: output.tail() }, `PostgreSQL ${how}`);
    options.onExit();
  });
  return { stop };
}

function settings(options: PostgresRun): string[] {
  const values = {
    cluster_name: options.name,
    listen_addresses: "",
    port: "5432",
    unix_socket_directories: ".",
    unix_socket_permissions: "0700",
    max_connections: "320",
    shared_buffers: "128MB",
    timezone: "UTC",
    log_destination: "stderr",
    logging_collector: "off",
    log_line_prefix: "",
    log_min_error_statement: "panic", // statements stay out of the log
    ...(options.fsync ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  return [
    "-D",
    clusterDirArgument(options.clusterDir),
    ...Object.entries(values).flatMap(([k, v]) => ["-c", `${k}=${v}`]),
  ];
}

async function waitUntilReady(child: ChildProcess, ended: Promise<string>, log: Logger) {
  if (child.stderr === null) throw new Error("PostgreSQL was started without its log"); // stdio above
  let output: ReturnType<typeof pipePostgresLog> = { tail: () => [] };
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`has said nothing for ${silenceMs / 1000} s`)), silenceMs);
  output = pipePostgresLog(child.stderr, log, (line) => {
    timer.refresh();
    if (line.endsWith("database system is ready to accept connections")) resolve();
  });
  // "close" follows the last line of the log, "exit" may precede it.
  child.once("close", () => void ended.then((how) => reject(new Error(how))));
  try {
    await ready;
    return output;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error([`PostgreSQL did not start: it ${why}`, ...output.tail()].join("\n"));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A fast shutdown, an immediate one after 10 s, SIGKILL after another 5 s. SIGCONT first, because a process stopped by SIGSTOP
 * handles no signal.
 */
async function shutDown(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill("SIGCONT");
  for (const [signal, timeoutMs] of [
    ["SIGINT", 10_000],
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000],
  ] as const) {
    child.kill(signal);
    const late = Symbol("late");
    if ((await Promise.race([ended, sleep(timeoutMs, late, { ref: false })])) !== late) return;
  }
}
