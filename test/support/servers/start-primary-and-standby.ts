import { execFile } from "node:child_process";
import { appendFile, cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { chownTree } from "../../../src/database/embedded/chown-tree.ts";
import { clusterDirArgument, createCluster } from "../../../src/database/embedded/create-cluster.ts";
import { locatePostgres } from "../../../src/database/embedded/locate-postgres.ts";
import { idleNamedOsUser } from "../../../src/database/embedded/unused-os-user.ts";
import { freePort } from "../free-port.ts";
import { createServerDir } from "./create-server-dir.ts";
import { runServer } from "./run-server.ts";

export interface TestReplication {
  readonly primary: { readonly port: number; stop(): Promise<void> };
  /** It follows the primary. */
  readonly standby: { readonly port: number; promote(): Promise<void> };
  /** Of a server at a port; nobody is asked for a password. */
  url(port: number): string;
  stop(): Promise<void>;
}

/** A PostgreSQL of the npm package and another one that is its standby. */
export async function startPrimaryAndStandby(): Promise<TestReplication> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("replication")).path;
  const [primaryDir, standbyDir] = [join(dir, "primary"), join(dir, "standby")];
  const [primaryPort, standbyPort] = [await freePort(), await freePort()];
  const account = process.getuid?.() === 0 ? await idleNamedOsUser() : undefined;
  const home = await locatePostgres(account ?? {}, dir);
  await createCluster({ home, clusterDir: primaryDir, account: account ?? {}, fsync: false });
  await writeFile(join(primaryDir, "pg_hba.conf"), "host all,replication all 127.0.0.1/32 trust\n");
  // A copy of what has not run yet stands where the primary begins.
  await cp(primaryDir, standbyDir, { recursive: true });
  await writeFile(join(standbyDir, "standby.signal"), "");
  const follow = `primary_conninfo = 'host=127.0.0.1 port=${primaryPort} user=connectory'\n`;
  await appendFile(join(standbyDir, "postgresql.conf"), follow);
  for (const folder of [primaryDir, standbyDir]) if (account !== undefined) await chownTree(folder, account);

  const start = async (cluster: string, port: number) => {
    const settings = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "", fsync: "off" };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return runServer({
      command: join(home, "bin/postgres"),
      args: ["-D", clusterDirArgument(cluster), ...args],
      dir: cluster,
      account: account ?? {},
      ports: [port],
      signal: "SIGINT",
      env: {},
    });
  };
  const primary = stack.use(await start(primaryDir, primaryPort));
  stack.use(await start(standbyDir, standbyPort));
  const promote = async () => {
    const args = ["promote", "-D", clusterDirArgument(standbyDir)];
    await promisify(execFile)(join(home, "bin/pg_ctl"), args, { ...account, cwd: standbyDir, env: {} });
  };
  const owned = stack.move();
  return {
    primary: { port: primaryPort, stop: async () => primary[Symbol.asyncDispose]() },
    standby: { port: standbyPort, promote },
    url: (port) => `postgresql://connectory@127.0.0.1:${port}/postgres`,
    stop: () => owned.disposeAsync(),
  };
}
