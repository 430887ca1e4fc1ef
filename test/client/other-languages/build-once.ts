import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { runScript } from "./run-script.ts";

const cache = join(import.meta.dirname, "../../../.cache");
const dayMs = 24 * 3_600_000;

/** A build by commands in an empty folder. */
export interface Build {
  /** What the folder's name in `.cache` begins with. */
  readonly name: string;
  /** Changes with whatever goes into the build. */
  readonly digest: string;
  readonly commands: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The folder of a build, made once for each digest. Bounded by ten minutes; says how long it took. */
export async function buildOnce({ name, digest, commands, environment }: Build): Promise<string> {
  const prefix = `${name}-`;
  const built = join(cache, `${prefix}${digest}`);
  if (existsSync(built)) return built;
  await mkdir(cache, { recursive: true });
  // Two processes may do this at once: each builds into a folder of its own, the first to rename wins.
  const fresh = await mkdtemp(join(cache, `${prefix}new-`));
  const started = performance.now();
  try {
    await runScript(commands, { cwd: fresh, env: { ...environment }, seconds: 600 });
    await rename(fresh, built);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!existsSync(built)) throw error;
  }
  process.stderr.write(`built ${name} in ${Math.round((performance.now() - started) / 1000)} s\n`);
  await removeOld(prefix);
  return built;
}

/** Builds that are more than a day old: of other states of the code. */
async function removeOld(prefix: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (name.startsWith(prefix) && Date.now() - (await stat(path)).mtimeMs > dayMs)
      await rm(path, { recursive: true, force: true });
  }
}
