import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";

/** A page as Vite builds it. */
export interface BuiltPage {
  /** Where `index.html` is. */
  readonly folder: string;
  /** All of its JavaScript. */
  readonly script: string;
  /** What the build warned of. */
  readonly warnings: readonly string[];
}

/** Builds a page out of a project that has a script, as somebody does who deploys it. */
export async function buildPage(project: string, script: string): Promise<BuiltPage> {
  const warnings: string[] = [];
  const folder = join(project, `built-${script.replace(".", "-")}`);
  await build({
    root: project,
    configFile: false,
    logLevel: "silent",
    build: {
      outDir: folder,
      rollupOptions: { input: join(project, script), onwarn: ({ message }) => void warnings.push(message) },
    },
  });
  const assets = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".js"));
  const texts = await Promise.all(assets.map((name) => readFile(join(folder, name), "utf8")));
  return { folder, script: texts.join("\n"), warnings };
}
