import { execFile } from "node:child_process";
import { mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { chownTree } from "./chown-tree.ts";
import type { PostgresOsUser } from "./postgres-os-user.ts";
import { hasName, idleNamedOsUser } from "./unused-os-user.ts";

const run = promisify(execFile);

/**
 * Makes the cluster unless it is there. initdb works under another name and the finished folder is renamed, so that a
 * kill in the middle leaves nothing that looks like a cluster; what it does leave is removed by the next start.
 */
export async function createCluster(o: {
  readonly home: string;
  readonly clusterDir: string;
  readonly account: PostgresOsUser;
  readonly fsync: boolean;
}): Promise<void> {
  const { clusterDir } = o;
  await removeUnfinished(clusterDir);
  if (await stat(join(clusterDir, "PG_VERSION")).catch(() => undefined)) return;

  const unfinished = await mkdtemp(`${clusterDir}.new-`);
  await initdbAs({ ...o, folder: unfinished });
  await rename(unfinished, clusterDir);
  if (o.fsync) await syncFolder(dirname(clusterDir));
}

/** How PostgreSQL is told where its data is. On Linux by the working directory, which it need not be able to reach by its path. */
export function clusterDirArgument(folder: string): string {
  return process.platform === "linux" ? "/proc/self/cwd" : folder;
}

interface NewCluster {
  readonly home: string;
  readonly folder: string;
  readonly account: PostgresOsUser;
  readonly fsync: boolean;
}

/** initdb looks its user up and wants a name, which the server does not: a user without one gets what another has made. */
async function initdbAs(o: NewCluster): Promise<void> {
  const { folder, account } = o;
  if (account.uid === undefined) return initdb(o);
  const maker = (await hasName(account.uid)) ? account : await idleNamedOsUser();
  await chownTree(folder, maker);
  await initdb({ ...o, account: maker });
  if (maker.uid !== account.uid) await chownTree(folder, account);
}

async function initdb(o: NewCluster): Promise<void> {
  const args = ["-D", clusterDirArgument(o.folder), "--username=connectory", "--encoding=UTF8", "--locale=C"];
  args.push("--auth-local=trust", "--auth-host=reject", ...(o.fsync ? [] : ["--no-sync"]));
  try {
    // An empty environment: ours holds secrets, and variables such as PGDATA would be obeyed.
    await run(join(o.home, "bin/initdb"), args, { ...o.account, cwd: o.folder, env: {} });
  } catch (error) {
    const { message, stderr } = error as { message: string; stderr?: string };
    throw new Error(
      `The PostgreSQL cluster cannot be made in ${o.folder}: ${stderr?.trim() || message}${hint(stderr)}`,
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

/** Makes the rename last through a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
