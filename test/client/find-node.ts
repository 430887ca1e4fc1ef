import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { arch, platform } from "node:process";
import { promisify } from "node:util";
import { MissingProgram } from "../support/missing-program.ts";

const run = promisify(execFile);
const cache = join(import.meta.dirname, "../../.cache");

/** One release of every line that the published client is for. */
export const nodeVersions = ["20.20.2", "22.23.3", "24.21.0"] as const;

/**
 * A Node of the same line: one that is on the PATH, or else the one of the npm package that brings this version for this
 * machine, fetched into `.cache` once (about 45 MB). Throws MissingProgram where it cannot be had.
 */
export async function findNode(version: string): Promise<string> {
  const line = version.split(".")[0];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const { stdout } = await run(join(folder, "node"), ["--version"]).catch(() => ({ stdout: "" }));
    if (stdout.startsWith(`v${line}.`)) return join(folder, "node");
  }
  const folder = join(cache, `node-${version}`);
  const found = join(folder, "node_modules", packageName(), "bin/node");
  if (existsSync(found)) return found;
  try {
    await fetch(folder, version);
    return found;
  } catch (error) {
    throw new MissingProgram(`Node ${version} cannot be had: ${error instanceof Error ? error.message : error}`);
  }
}

function packageName(): string {
  return `${platform === "darwin" && arch === "arm64" ? "node-bin" : "node"}-${platform}-${arch}`;
}

/** Two processes may do this at once: each installs into a folder of its own, the first to rename wins. */
async function fetch(folder: string, version: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  try {
    const flags = ["--prefix", fresh, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", ["install", ...flags, `${packageName()}@${version}`], { cwd: fresh });
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
