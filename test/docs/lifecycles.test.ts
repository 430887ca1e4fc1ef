import { expect, test } from "vitest";
import { readPage } from "./read-page.ts";

/** The files of the numbered steps of a lifecycle, in order. */
function filesOf(lifecycle: string): string[] {
  const section =
    readPage("ARCHITECTURE.md")
      .split(/^## /m)
      .find((text) => text.startsWith(lifecycle)) ?? "";
  const steps = section.match(/^\d\. [\s\S]*?(?=^\S(?<!\d)|(?![\s\S]))/gm) ?? [];
  return [...steps.join("").matchAll(/`(src\/[\w./-]+\.ts)`/g)].map(([, file = ""]) => file);
}

test.each([
  ["Lifecycle of a createConnection request", 28],
  ["Lifecycle of a live test", 40],
  ["Lifecycle of an event", 28],
])("%s names at most %i files, each once", (lifecycle, max) => {
  const files = filesOf(lifecycle);
  expect(files.length).toBeGreaterThan(6);
  expect(files.length).toBeLessThanOrEqual(max);
  expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([]);
});
