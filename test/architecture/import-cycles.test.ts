import { describe, expect, test } from "vitest";
import { type Imports, readImports } from "./read-imports.ts";

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
    expect(imports.get("src/test-workers/worker-main.ts")).toEqual([
      "src/test-workers/worker-protocol.ts",
      "src/test-workers/run-worker.ts",
    ]);
    for (const folder of ["src", "test", "bench", "packaging", "generators"])
      expect([...imports.keys()].some((file) => file.startsWith(`${folder}/`))).toBe(true);
  });

  test("have no cycle, also of types and of dynamic imports", () => {
    expect(findCycles(readImports())).toEqual([]);
  });
});
