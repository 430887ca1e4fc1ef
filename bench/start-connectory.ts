import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import type { Database } from "./database.ts";
import { findFreePort, type RunningProcess, startProcess } from "./start-process.ts";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);
const main = "src/main.ts";

/** What `npm start` gives to node: `exec node …`. */
const [, , ...startArguments] = packageJson.scripts.start.split(" ");

/** The organization that the load of connections goes to: one, because that is where every create waits for the same row lock. */
export const organization = "bench";

/** The server under test, with its embedded PostgreSQL. */
export interface Connectory extends RunningProcess {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly token: string;
  readonly database: Database;
  /** A token of an administrator of another organization. */
  issueToken(organization: string): Promise<string>;
}

/** Above what the bench asks for at once: what a test costs is measured, not what is refused. */
const testLimits = { TESTS_MAX_PER_ORGANIZATION: "50", TESTS_MAX_PER_TARGET: "50", TESTS_MAX_PER_ADDRESS: "50" };

/** Starts the server as `npm start` does, on free ports and `dataDir`. */
export async function startConnectory(
  dataDir: string,
  more: Readonly<Record<string, string>> = {},
  log: "inherit" | "ignore" = "inherit",
): Promise<Connectory> {
  const grpcPort = await findFreePort();
  const httpPort = await findFreePort();
  const environment = {
    ...testLimits,
    DATA_DIR: dataDir,
    GRPC_ADDR: `127.0.0.1:${grpcPort}`,
    HTTP_ADDR: `127.0.0.1:${httpPort}`,
    ...more,
  };
  const { pid, stop } = await startProcess(startArguments, environment, [grpcPort, httpPort], log);
  const database = { host: join(dataDir, "postgres"), port: 5432, user: "connectory", database: "connectory" };
  const issue = (of: string) => issueToken(dataDir, of);
  return { pid, stop, grpcPort, httpPort, token: await issue(organization), database, issueToken: issue };
}

async function issueToken(dataDir: string, of: string): Promise<string> {
  const command = [main, "token", "--user", "bench", "--org", of, "--role", "admin"];
  const { stdout } = await run(process.execPath, command, { cwd: root, env: { ...process.env, DATA_DIR: dataDir } });
  return stdout.trim();
}
