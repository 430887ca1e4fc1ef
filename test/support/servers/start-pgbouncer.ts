import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chownTree } from "../../../src/database/embedded/chown-tree.ts";
import { idleNamedOsUser } from "../../../src/database/embedded/unused-os-user.ts";
import { freePort } from "../free-port.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import type { TestPostgres } from "./start-postgres.ts";
import type { TestUser } from "./users-for.ts";

export interface TestPgbouncer {
  /** As `user`, to the database `shop` of the server behind. */
  url(user: TestUser): string;
  /** Its operator changes the mode while it runs; what is connected stays so. */
  change(mode: "session" | "transaction"): Promise<void>;
  stop(): Promise<void>;
}

/** A PgBouncer before a PostgreSQL, for users of it, with at most `poolSize` connections there for each of them. */
export async function startPgbouncer(
  behind: Pick<TestPostgres, "port" | "database">,
  users: readonly TestUser[],
  { mode, poolSize }: { readonly mode: "session" | "transaction"; readonly poolSize: number },
): Promise<TestPgbouncer> {
  const command = findProgram("pgbouncer", "pgbouncer");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("pgbouncer")).path;
  const port = await freePort();
  await writeFile(join(dir, "users.txt"), users.map((user) => `"${user.username}" "${user.password}"\n`).join(""));
  const configure = (poolMode: string) =>
    writeFile(
      join(dir, "pgbouncer.ini"),
      `[databases]
${behind.database} = host=127.0.0.1 port=${behind.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(dir, "users.txt")}
pool_mode = ${poolMode}
default_pool_size = ${poolSize}
max_client_conn = 200
`,
    );
  await configure(mode);
  // PgBouncer refuses uid 0.
  const account = process.getuid?.() === 0 ? await idleNamedOsUser() : undefined;
  if (account !== undefined) await chownTree(dir, account);
  const server = stack.use(
    await runServer({ command, args: ["pgbouncer.ini"], dir, account: account ?? {}, ports: [port] }),
  );
  const owned = stack.move();
  return {
    url: ({ username, password }) =>
      `postgresql://${username}:${encodeURIComponent(password)}@127.0.0.1:${port}/${behind.database}`,
    change: async (poolMode) => {
      await configure(poolMode);
      process.kill(server.pid, "SIGHUP");
    },
    stop: () => owned.disposeAsync(),
  };
}
