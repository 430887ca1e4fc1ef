import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { glob, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { docSection } from "./doc-section.ts";
import type { Language } from "./languages.ts";
import { runScript } from "./run-script.ts";

const root = join(import.meta.dirname, "../../..");
const cache = join(root, ".cache");
const dayMs = 24 * 3_600_000;

/**
 * The folder of a language's client, built as its section of the documentation says, into `.cache` and once for the
 * same commands, sources, contract and tools. Bounded by ten minutes; says how long it took.
 */
export async function buildClient(language: Language, toolchain: string): Promise<string> {
  const [commands = ""] = docSection(language.name).commands;
  const prefix = `client-${language.folder}-`;
  const built = join(cache, `${prefix}${await digest(language, `${commands}${toolchain}`)}`);
  const folder = join(built, `connectory-${language.folder}`);
  if (existsSync(built)) return folder;
  await mkdir(cache, { recursive: true });
  // Two processes may do this at once: each builds into a folder of its own, the first to rename wins.
  const fresh = await mkdtemp(join(cache, `${prefix}new-`));
  const started = performance.now();
  try {
    await runScript(commands, { cwd: fresh, env: { ...language.environment, CONNECTORY: root }, seconds: 600 });
    await rename(fresh, built);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!existsSync(built)) throw error;
  }
  process.stderr.write(`built the ${language.name} client in ${Math.round((performance.now() - started) / 1000)} s\n`);
  await removeOld(prefix);
  return folder;
}

/** Changes with whatever goes into a build. */
async function digest({ folder }: Language, rest: string): Promise<string> {
  const hash = createHash("sha256").update(rest);
  const patterns = [`test/client/${folder}/**`, "proto/**/*.proto"];
  const files = (await Array.fromAsync(glob(patterns, { cwd: root, withFileTypes: true })))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(file.slice(root.length)).update(await readFile(file));
  return hash.digest("hex").slice(0, 16);
}

/** Builds that are more than a day old: of other states of the code. */
async function removeOld(prefix: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    if (name.startsWith(prefix) && Date.now() - (await stat(path)).mtimeMs > dayMs)
      await rm(path, { recursive: true, force: true });
  }
}
