import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname, "../..");

/** The imports of whatever needs more than npm lead here. */
const mark = "test/support/missing-program.ts";

/**
 * The test files of `npm run test:all` that are not in `npm test`, as paths from the root: those that need something that npm does
 * not bring (their own imports, or the imports of what they import, lead to missing-program.ts), and those named `*.long.test.ts`.
 * Every other test file is in `npm test`: there is no list to keep.
 */
export function extendedTestFiles(): string[] {
  return testFiles().filter((file) => file.endsWith(".long.test.ts") || reachedFrom(file).has(mark));
}

/** Every test file, as a path from the root. */
export function testFiles(): string[] {
  return globSync("test/**/*.test.ts", { cwd: root }).toSorted();
}

const imports = new Map<string, readonly string[]>();

/** The files below test/ that a file there imports, and those that they import, and so on. */
function reachedFrom(file: string): ReadonlySet<string> {
  const reached = new Set([file]);
  for (const one of reached) {
    const found = imports.get(one) ?? importsOf(one);
    imports.set(one, found);
    for (const target of found) reached.add(target);
  }
  return reached;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/\b(?:from|import) ?\(?"(\.[^"]+\.ts)"/g)]
    .map(([, target = ""]) => relative(root, join(root, dirname(file), target)))
    .filter((target) => target.startsWith("test/") && existsSync(join(root, target)));
}
