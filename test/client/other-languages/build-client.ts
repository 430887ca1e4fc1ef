import { createHash } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildOnce } from "./build-once.ts";
import { docSection } from "./doc-section.ts";
import type { Language } from "./languages.ts";

const root = join(import.meta.dirname, "../../..");

/**
 * The folder of a language's client, built as its section of the documentation says, into `.cache` and once for the
 * same commands, sources, contract and tools. Bounded by ten minutes; says how long it took.
 */
export async function buildClient(language: Language, toolchain: string): Promise<string> {
  const [commands = ""] = docSection(language.name).commands;
  const built = await buildOnce({
    name: `client-${language.folder}`,
    digest: await digest(language, `${commands}${toolchain}`),
    commands,
    environment: { ...language.environment, CONNECTORY: root },
  });
  return join(built, `connectory-${language.folder}`);
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
