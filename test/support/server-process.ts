import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };

/** A service in a process of its own, started the way `npm start` does it. */
export interface ServerProcess {
  readonly child: ChildProcess;
  readonly grpcAddress: string;
  readonly httpUrl: string;
  /** The token that the welcome prints. */
  readonly token: string;
  /** All that it has printed on standard output so far. */
  output(): string;
  /** Its log so far. */
  log(): string;
  /** Sends a signal and waits for the end; answers with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const root = join(import.meta.dirname, "../..");

/** What `npm start` gives to node: `exec node …`. */
const [, , ...startArguments] = packageJson.scripts.start.split(" ");

/** Starts the server as `npm start` does and waits for its welcome. Throws with what it printed when it ends before. */
export async function startServer(
  environment: Record<string, string>,
  { stderr = "pipe", ...options }: { cwd?: string; uid?: number; gid?: number; stderr?: number | "pipe" } = {},
): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    startArguments.map((argument) => argument.replace(/^src\//, join(root, "src/"))),
    {
      cwd: root,
      ...options,
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        GRPC_ADDR: "127.0.0.1:0",
        HTTP_ADDR: "127.0.0.1:0",
        LOG_LEVEL: "warn",
        // As long as it may be: a deadline that is not what is tested does not come.
        TEST_TIMEOUT_MS: "60000",
        ...environment,
      },
      stdio: ["ignore", "pipe", stderr],
    },
  );
  let output = "";
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("/v1/connection_profiles\n")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}${output}`)));
    child.once("error", reject);
  });
  return {
    child,
    grpcAddress: pick(/gRPC +(\S+)/, output),
    httpUrl: pick(/gRPC-Web +(\S+)/, output),
    token: pick(/TOKEN=(\S+)/, output),
    output: () => output,
    log: () => log,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exit = once(child, "exit");
      child.kill(signal);
      await exit;
      return child.exitCode;
    },
  };
}

function pick(pattern: RegExp, text: string): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`${pattern} is not in: ${text}`);
  return found;
}
