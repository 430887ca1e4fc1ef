import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface SpawnedServer {
  /** Every line the process has printed. */
  readonly lines: readonly string[];
  /** Resolves with the first line, past or to come, that starts so; rejects with the error output when the process ends before. */
  said(start: string): Promise<string>;
  /** Kills its whole process group, as a terminal would; resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Runs `embedded-server.ts` (or its copy) on a data folder in a process group of its own. */
export function spawnServer(
  dataDir: string,
  options: SpawnOptions = {},
  program = fileURLToPath(new URL("embedded-server.ts", import.meta.url)),
): SpawnedServer {
  const child = spawn(process.execPath, [program, dataDir], {
    ...options,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid, stdout, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) throw new Error("The server process cannot be spawned");
  const closed = once(child, "close");
  const lines: string[] = [];
  let errors = "";
  const listeners = new Set<() => void>();
  stderr.on("data", (chunk) => {
    errors += chunk;
  });
  createInterface({ input: stdout }).on("line", (line) => {
    lines.push(line);
    for (const listener of listeners) listener();
  });
  return {
    lines,
    said: (start) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find((testTarget) => testTarget.startsWith(start));
          if (line !== undefined) resolve(line);
        };
        listeners.add(look);
        look();
        void closed.then(() => reject(new Error(`ended before it said "${start}":\n${errors}`)));
      }),
    async kill(signal) {
      process.kill(-pid, signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
