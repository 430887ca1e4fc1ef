import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A server of the service on ports of its own, started again when it has ended, as a supervisor does. */
export interface SupervisedServer {
  readonly name: string;
  readonly grpcAddress: string;
  readonly httpUrl: string;
  /** SIGKILL. It stays away until `start`. */
  kill(): Promise<void>;
  start(): void;
  freeze(): void;
  resume(): void;
  /** How it has ended without a signal of ours after it had begun to serve. */
  readonly ends: readonly string[];
  stop(): Promise<void>;
}

interface ServerOptions {
  readonly name: string;
  readonly ports: { readonly grpc: number; readonly http: number };
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
}

const main = join(import.meta.dirname, "../../../src/main.ts");

/** How long a supervisor waits before it starts again what has ended, in milliseconds. */
const pauseMs = 500;

/** Resolves when the server serves for the first time, or throws with its log. */
export async function superviseServer(options: ServerOptions): Promise<SupervisedServer> {
  const grpcAddress = `127.0.0.1:${options.ports.grpc}`;
  const httpUrl = `http://127.0.0.1:${options.ports.http}`;
  const ends: string[] = [];
  let wanted = true;
  let child: ChildProcess | undefined;
  let hasServed = false;

  /** Until it is not wanted any more. A start that fails is tried again: the database may be away. */
  const supervise = async () => {
    while (wanted) {
      const begun = launch(options);
      child = begun;
      begun.stdout?.once("data", () => {
        hasServed = true;
      });
      await once(begun, "exit");
      if (wanted && hasServed) ends.push(`${options.name} has ended by itself: ${begun.exitCode ?? begun.signalCode}`);
      hasServed = false;
      if (wanted) await sleep(pauseMs);
    }
  };
  let supervising = supervise();
  const kill = async () => {
    wanted = false;
    child?.kill("SIGKILL");
    await supervising;
  };
  while (!hasServed) {
    if (child?.exitCode !== null) {
      await kill();
      throw new Error(`${options.name} has not started: ${readFileSync(options.logFile, "utf8").slice(-2000)}`);
    }
    await sleep(20);
  }
  return {
    name: options.name,
    grpcAddress,
    httpUrl,
    kill,
    start: () => {
      wanted = true;
      supervising = supervise();
    },
    freeze: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    ends,
    stop: kill,
  };
}

/** Its welcome on standard output says that it serves. */
function launch({ ports, environment, logFile }: ServerOptions): ChildProcess {
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      GRPC_ADDR: `127.0.0.1:${ports.grpc}`,
      HTTP_ADDR: `127.0.0.1:${ports.http}`,
      ...environment,
    },
    stdio: ["ignore", "pipe", log],
  });
  closeSync(log);
  return child;
}
