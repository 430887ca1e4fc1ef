import { join, relative } from "node:path";
import { API, type Program } from "typescript/unstable/sync";
import { afterAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** The compiler itself says what a file imports, so that `import type`, `import()` and re-exports count too. */
const compiler = new API({ cwd: root });
afterAll(() => compiler.close());

type Imports = ReadonlyMap<string, readonly string[]>;

/** The files of the repository that are written by hand, each with those that it imports. */
function readImports(): Imports {
  const config = join(root, "tsconfig.json");
  const program = compiler.updateSnapshot({ openProjects: [config] }).getProject(config)?.program;
  if (program === undefined) throw new Error(`${config} is no project of the compiler`);
  const files = new Set(
    program
      .getSourceFileNames()
      .filter((file) => /^(src|test|bench|packaging|generators)\//.test(relative(root, file))),
  );
  const nameOf = (file: string) => relative(root, file);
  return new Map(
    [...files].map((file) => [
      nameOf(file),
      importsOf(program, file)
        .filter((one) => files.has(one))
        .map(nameOf),
    ]),
  );
}

function importsOf(program: Program, file: string): readonly string[] {
  const source = program.getSourceFile(file);
  if (source === undefined) throw new Error(`the compiler does not know ${file}`);
  return source.imports
    .map((specifier) => ("text" in specifier ? String(specifier.text) : ""))
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => join(file, "..", specifier));
}

/** The strongly connected components with more than one file, or with a file that imports itself (Tarjan's algorithm). */
function findCycles(imports: Imports): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    low.set(file, index);
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!order.has(target)) low.set(file, Math.min(low.get(file) ?? index, visit(target)));
      else if (path.includes(target)) low.set(file, Math.min(low.get(file) ?? index, order.get(target) ?? index));
    }
    const lowest = low.get(file) ?? index;
    if (lowest === index) {
      const component = path.splice(path.indexOf(file));
      if (component.length > 1 || imports.get(file)?.includes(file)) cycles.push(component.sort());
    }
    return lowest;
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return cycles;
}

describe("imports", () => {
  test("cycles are found by this test", () => {
    const imports = new Map([
      ["a", ["b"]],
      ["b", ["c", "d"]],
      ["c", ["a"]],
      ["d", ["e"]],
      ["e", []],
      ["f", ["f"]],
    ]);
    expect(findCycles(imports)).toEqual([["a", "b", "c"], ["f"]]);
  });

  test("of types and dynamic imports are seen, of every file", () => {
    const imports = readImports();
    expect(imports.get("src/connectors/test-thread.ts")).toEqual([
      "src/connectors/worker-protocol.ts",
      "src/connectors/serve-tests.ts",
    ]);
    for (const folder of ["src", "test", "bench", "packaging", "generators"])
      expect([...imports.keys()].some((file) => file.startsWith(`${folder}/`))).toBe(true);
  });

  test("have no cycle, also of types and of dynamic imports", () => {
    expect(findCycles(readImports())).toEqual([]);
  });
});
