import { execFile } from "node:child_process";
import { mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { chownTree } from "./chown-tree.ts";
import type { PostgresOsUser } from "./postgres-os-user.ts";
import { hasName, idleNamedOsUser } from "./unused-os-user.ts";

const run = promisify(execFile);

/**
 * Creates the cluster if it is missing. initdb writes to a temporary folder that is renamed when complete, so that an
 * interruption leaves no partial cluster; the next start removes the temporary folder.
 */
export async function createCluster(options: {
  readonly home: string;
  readonly clusterDir: string;
  readonly account: PostgresOsUser;
  readonly fsync: boolean;
}): Promise<void> {
  const { clusterDir } = options;
  await removeUnfinished(clusterDir);
  if (await stat(join(clusterDir, "PG_VERSION")).catch(() => undefined)) return;

  const unfinished = await mkdtemp(`${clusterDir}.new-`);
  await initdbAs({ ...options, folder: unfinished });
  await rename(unfinished, clusterDir);
  if (options.fsync) await syncFolder(dirname(clusterDir));
}

/**
 * Returns the argument for PostgreSQL's data folder: on Linux the working directory, because the user need not have access to
 * the folder by its path.
 */
export function clusterDirArgument(folder: string): string {
  return process.platform === "linux" ? "/proc/self/cwd" : folder;
}

interface NewCluster {
  readonly home: string;
  readonly folder: string;
  readonly account: PostgresOsUser;
  readonly fsync: boolean;
}

/** initdb requires a user with a name, the server does not: for a user without one the cluster is created by another user. */
async function initdbAs(options: NewCluster): Promise<void> {
  const { folder, account } = options;
  if (account.uid === undefined) return initdb(options);
  const maker = (await hasName(account.uid)) ? account : await idleNamedOsUser();
  await chownTree(folder, maker);
  await initdb({ ...options, account: maker });
  if (maker.uid !== account.uid) await chownTree(folder, account);
}

async function initdb(options: NewCluster): Promise<void> {
  const args = ["-D", clusterDirArgument(options.folder), "--username=connectory", "--encoding=UTF8", "--locale=C"];
  args.push("--auth-local=trust", "--auth-host=reject", ...(options.fsync ? [] : ["--no-sync"]));
  try {
    // An empty environment: that of this process contains secrets, and variables such as PGDATA would take effect.
    await run(join(options.home, "bin/initdb"), args, { ...options.account, cwd: options.folder, env: {} });
  } catch (error) {
    const { message, stderr } = error as { message: string; stderr?: string };
    throw new Error(
      `The PostgreSQL cluster cannot be made in ${options.folder}: ${stderr?.trim() || message}${hint(stderr)}`,
    );
  }
}

function hint(stderr: string | undefined): string {
  if (!stderr?.includes("could not look up effective user ID")) return "";
  return ". initdb needs a user that has a name: give this uid an entry in /etc/passwd, or set DATABASE_URL";
}

async function removeUnfinished(clusterDir: string): Promise<void> {
  const prefix = `${basename(clusterDir)}.new-`;
  for (const entry of await readdir(dirname(clusterDir))) {
    if (!entry.startsWith(prefix)) continue;
    // Retries, because the initdb of a killed process may still be writing there.
    await rm(join(dirname(clusterDir), entry), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** Makes the rename durable across a power failure. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
