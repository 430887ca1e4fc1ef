import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";

/** A server in a process of its own. */
export interface Running {
  /** Asks it to stop and waits until it is gone. */
  stop(): Promise<void>;
}

/** The same, seen from outside. */
export interface RunningProcess extends Running {
  readonly pid: number;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

/** Starts a Node script from the checkout's root and waits until it takes connections on all `ports` of 127.0.0.1. */
export async function startProcess(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  ports: readonly number[],
  /** Where its log goes. */
  log: "inherit" | "ignore" = "inherit",
): Promise<RunningProcess> {
  const child = spawn(process.execPath, command, {
    cwd: new URL("..", import.meta.url),
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", log],
  });
  const exited = once(child, "exit");
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (isGone()) return;
    child.kill("SIGTERM");
    await Promise.race([exited, setTimeout(stopTimeoutMs, undefined, { ref: false })]);
    if (!isGone()) child.kill("SIGKILL");
  };

  const until = performance.now() + startTimeoutMs;
  for (const port of ports) {
    while (!(await takesConnections(port))) {
      if (isGone()) throw new Error(`${command.join(" ")} ended at its start`);
      if (performance.now() > until) {
        await stop();
        throw new Error(`${command.join(" ")} did not listen on port ${port} after ${startTimeoutMs} ms`);
      }
      await setTimeout(20);
    }
  }
  return { pid: child.pid ?? 0, stop };
}

/** A port of 127.0.0.1 that nobody listens on just now. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
